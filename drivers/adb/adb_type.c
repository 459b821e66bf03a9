/*
 * adb_type.c - input of a phone: one shell stays open, so that a tap costs one round trip and no new process
 * but `input`'s own
 *
 * Each call is one line of script; what `input` prints goes to stderr, so that the answer
 * "@tb:<number>:<code>" is alone on stdout. The commands read /dev/null: they must not eat the script.
 */
#include "drivers/adb/adb_lanes.h"

#include <string.h>

#include "drivers/adb/adb_dump.h"
#include "drivers/adb/adb_proto.h"
#include "lib/limits.h"

#define ANSWER_MS 30000
#define SAID_MAX 4096

static void drop(TbAdbInputLane *lane)
{
        g_clear_pointer(&lane->link, tb_transport_close);
        if (lane->in != NULL)
                g_byte_array_set_size(lane->in, 0);
}

static bool dial(TbAdbInputLane *lane, TbIo *io, GError **error)
{
        drop(lane);
        lane->link = tb_adb_service(io, &lane->lane.target, "shell,v2,raw:sh", error);
        return lane->link != NULL;
}

bool tb_adb_input_open(TbInstance *self, TbIo *io, GError **error)
{
        TbAdbInputLane *lane = (TbAdbInputLane *)self;
        g_autofree char *size = NULL;
        int code;

        if (!tb_adb_lane_open(self, io, error))
                return false;
        lane->in = g_byte_array_new();
        lane->state = (TbAdbInput){0};
        size = tb_adb_ask(io, &lane->lane.target, "wm size", &code, error);
        if (size == NULL)
                return false;
        tb_adb_parse_size(size, &lane->state.width, &lane->state.height);
        return dial(lane, io, error);
}

void tb_adb_input_close(TbInstance *self)
{
        TbAdbInputLane *lane = (TbAdbInputLane *)self;

        drop(lane);
        g_clear_pointer(&lane->in, g_byte_array_unref);
}

/* Reads some packets. What is on stdout and stderr is appended. */
static bool receive(TbAdbInputLane *lane, TbIo *io, GString *out, GString *said, GError **error)
{
        guint8 chunk[4096];
        TbAdbShellPacket packet;
        gsize at = 0;
        gssize n = tb_transport_read(lane->link, io, chunk, sizeof(chunk), ANSWER_MS, error);

        if (n < 0)
                return false;
        if (n > 0)
                g_byte_array_append(lane->in, chunk, (guint)n);
        while ((n = n > 0 ? tb_adb_parse_shell(lane->in->data + at, lane->in->len - at, &packet) : -1) > 0) {
                GString *into = packet.id == TB_ADB_SHELL_STDOUT ? out : said;

                if (packet.id == TB_ADB_SHELL_EXIT) {
                        n = -1;
                        break;
                }
                g_string_append_len(into, (const char *)packet.data,
                                    (gssize)MIN(packet.size, SAID_MAX - MIN(into->len, (gsize)SAID_MAX)));
                at += (gsize)n;
        }
        if (n < 0) {
                tb_set_error(error, TB_ERROR_GONE, "%s closed the shell of its input",
                             tb_transport_name(lane->link));
                return false;
        }
        g_byte_array_remove_range(lane->in, 0, (guint)at);
        return true;
}

/* "@tb:12:0:3\n": the code behind the mark, and how many commands were done. */
static bool parse_code(const char *text, guint most, int *ret_code, guint *ret_commands, GError **error)
{
        g_autofree char *line = g_strndup(text, strcspn(text, "\r\n"));
        g_auto(GStrv) words = g_strsplit(line, ":", 3);
        gint64 code, commands;

        if (g_strv_length(words) != 2 || !g_ascii_string_to_signed(words[0], 10, 0, 255, &code, NULL) ||
            !g_ascii_string_to_signed(words[1], 10, 0, most, &commands, NULL)) {
                tb_set_error(error, TB_ERROR_DEVICE,
                             "the phone's shell gave no exit code: is it an Android?");
                return false;
        }
        *ret_code = (int)code;
        *ret_commands = (guint)commands;
        return true;
}

/* One behind the other, up to the first that is refused; *ret_commands: how many were done. */
static bool run_script(TbAdbInputLane *lane, TbIo *io, GPtrArray *commands, int *ret_code,
                       guint *ret_commands, GString *said, GError **error)
{
        g_autoptr(GString) script = g_string_new("n=0; { "), out = g_string_new(NULL);
        g_autofree char *mark = g_strdup_printf("@tb:%u:", ++lane->sequence);

        for (guint i = 0; i < commands->len; i++)
                g_string_append_printf(script, "%s%s && n=%u", i > 0 ? " && " : "",
                                       (char *)g_ptr_array_index(commands, i), i + 1);
        g_string_append_printf(script, "; } </dev/null >&2; echo \"%s$?:$n\"\n", mark);
        for (gsize at = 0; at < script->len;) {
                g_autoptr(GByteArray) packet = g_byte_array_new();
                gsize n = MIN(script->len - at, 32 * 1024u);

                tb_adb_append_shell(packet, TB_ADB_SHELL_STDIN, script->str + at, (guint32)n);
                if (!tb_transport_write(lane->link, io, packet->data, packet->len, ANSWER_MS, error))
                        return false;
                at += n;
        }
        for (;;) {
                const char *found = strstr(out->str, mark);

                if (found != NULL && strchr(found, '\n') != NULL)
                        return parse_code(found + strlen(mark), commands->len, ret_code, ret_commands, error);
                if (!receive(lane, io, out, said, error))
                        return false;
        }
}

/* What the phone was told, as far as it took it. */
static void keep_state(TbAdbInput *state, const TbInput *events, guint n, gint64 now_ms)
{
        g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GArray) starts = g_array_new(FALSE, FALSE, sizeof(guint));
        guint done;

        tb_adb_input_commands(state, events, n, now_ms, commands, starts, &done, NULL);
}

/* One attempt with the state's present knowledge of what this Android can do. *ret_done: the events that were done, or, with a
 * code that is not 0, those before the one that the phone refused. */
static bool attempt(TbAdbInputLane *lane, TbIo *io, TbAdbInput *state, const TbInput *events, guint n,
                    GString *said, int *ret_code, guint *ret_done, GError **refused, GError **error)
{
        g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GArray) starts = g_array_new(FALSE, FALSE, sizeof(guint));
        const TbAdbInput before = *state;
        const gint64 now_ms = g_get_monotonic_time() / 1000;
        guint commands_done = 0;

        tb_adb_input_commands(state, events, n, now_ms, commands, starts, ret_done, refused);
        *ret_code = 0;
        if (commands->len == 0)
                return true;
        if (lane->link == NULL && !dial(lane, io, error))
                return false;
        if (!run_script(lane, io, commands, ret_code, &commands_done, said, error)) {
                drop(lane); /* we no longer know what it is doing */
                return false;
        }
        if (*ret_code == 0 || commands_done >= commands->len)
                return true;
        *ret_done = g_array_index(starts, guint, commands_done);
        *state = before;
        keep_state(state, events, *ret_done, now_ms);
        return true;
}

static bool input_send(TbInstance *self, TbIo *io, const TbInput *events, guint n, guint *ret_done,
                       GError **error)
{
        g_autoptr(GError) refused = NULL;
        TbAdbInputLane *lane = (TbAdbInputLane *)self;
        g_autoptr(GString) said = g_string_new(NULL);
        TbAdbInput state = lane->state;
        int code;

        if (!attempt(lane, io, &state, events, n, said, &code, ret_done, &refused, error))
                return false;
        if (code != 0 && !lane->state.no_motion &&
            strstr(said->str, "motionevent") != NULL) { /* before Android 11 */
                state = lane->state;
                state.no_motion = true;
                g_string_truncate(said, 0);
                g_clear_error(&refused);
                if (!attempt(lane, io, &state, events, n, said, &code, ret_done, &refused, error))
                        return false;
        }
        lane->state = state;
        if (code != 0) {
                g_autofree char *failure = tb_adb_failure(said->str);
                g_autofree char *text =
                        g_utf8_make_valid(failure != NULL ? failure : g_strstrip(said->str), -1);

                tb_set_error(error, TB_ERROR_UNPROCESSABLE, "%s refused the input: %s",
                             lane->lane.target.serial, text);
                return false;
        }
        if (refused == NULL)
                return true;
        g_propagate_error(error, g_steal_pointer(&refused));
        return false;
}

const TbInputOps tb_adb_input_ops = {.send = input_send};

bool tb_adb_input_pump(TbInstance *self, TbIo *io, GError **error)
{
        TbAdbInputLane *lane = (TbAdbInputLane *)self;
        g_autoptr(GString) out = g_string_new(NULL), said = g_string_new(NULL);
        struct pollfd fd = {.events = POLLIN};

        if (lane->link == NULL && !dial(lane, io, error))
                return false;
        fd.fd = tb_transport_fd(lane->link);
        if (tb_io_wait(io, &fd, 1, -1) != TB_WAIT_READY)
                return true;
        return receive(lane, io, out, said, error);
}
