/* A command on the phone, by adb's shell protocol (shell,v2): input, output and error output apart, and an exit
 * code. */
#include <string.h>
#include <sys/socket.h>

#include "drivers/adb/adb_client.h"
#include "drivers/adb/adb_proto.h"
#include "drivers/transport/transport.h"
#include "lib/limits.h"

typedef struct {
        TbTransport *link;   /* borrowed */
        GByteArray *in;      /* owned: not parsed yet */
        GByteArray *send;    /* owned: a packet or a part of one, not sent yet */
        const guint8 *input; /* borrowed */
        gsize input_left;
        bool input_closed;
        GByteArray *out, *err; /* borrowed; may be NULL */
        int code;              /* -1: still running */
} Run;

/* What of the input goes next; adb's server and the phone take it only as fast as the command reads. */
static void fill(Run *run)
{
        gsize n = MIN(run->input_left, 32 * 1024u);

        if (run->send->len > 0 || run->input_closed)
                return;
        if (n > 0) {
                tb_adb_append_shell(run->send, TB_ADB_SHELL_STDIN, run->input, (guint32)n);
                run->input += n;
                run->input_left -= n;
                return;
        }
        tb_adb_append_shell(run->send, TB_ADB_SHELL_CLOSE_STDIN, NULL, 0);
        run->input_closed = true;
}

static bool collect(GByteArray *into, const TbAdbShellPacket *packet, GError **error)
{
        if (into == NULL)
                return true;
        if (packet->size > TB_LIMIT_SHELL_OUTPUT - into->len) {
                tb_set_error(error, TB_ERROR_TOO_LARGE,
                             "the command printed more than %d bytes: let it write into a file",
                             TB_LIMIT_SHELL_OUTPUT);
                return false;
        }
        g_byte_array_append(into, packet->data, packet->size);
        return true;
}

static bool parse(Run *run, GError **error)
{
        TbAdbShellPacket packet;
        gsize at = 0;
        gssize n;

        while (run->code < 0 &&
               (n = tb_adb_parse_shell(run->in->data + at, run->in->len - at, &packet)) != 0) {
                if (n < 0) {
                        tb_set_error(error, TB_ERROR_DEVICE,
                                     "%s broke adb's shell protocol: try again, or restart its adbd",
                                     tb_transport_name(run->link));
                        return false;
                }
                GByteArray *into = packet.id == TB_ADB_SHELL_STDOUT   ? run->out
                                   : packet.id == TB_ADB_SHELL_STDERR ? run->err
                                                                      : NULL;
                if (packet.id == TB_ADB_SHELL_EXIT)
                        run->code = packet.data[0];
                else if (into && !collect(into, &packet, error))
                        return false;
                at += (gsize)n;
        }
        g_byte_array_remove_range(run->in, 0, (guint)at);
        return true;
}

static bool step(Run *run, TbIo *io, GError **error)
{
        guint8 chunk[64 * 1024];
        struct pollfd fd = {.fd = tb_transport_fd(run->link), .events = POLLIN};
        TbWait wait;
        gssize n;

        fill(run);
        if (run->send->len > 0)
                fd.events |= POLLOUT;
        wait = tb_io_wait(io, &fd, 1, -1);
        if (wait != TB_WAIT_READY)
                return tb_io_fail(wait, tb_transport_name(run->link), error);
        if ((fd.revents & POLLOUT) != 0) {
                n = send(fd.fd, run->send->data, run->send->len, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n > 0)
                        g_byte_array_remove_range(run->send, 0, (guint)n);
        }
        if ((fd.revents & (POLLIN | POLLHUP | POLLERR)) == 0)
                return true;
        n = tb_transport_read(run->link, io, chunk, sizeof(chunk), TB_ADB_ANSWER_MS, error);
        if (n < 0)
                return false;
        if (n == 0) {
                tb_set_error(error, TB_ERROR_GONE, "%s went away while the command ran",
                             tb_transport_name(run->link));
                return false;
        }
        g_byte_array_append(run->in, chunk, (guint)n);
        return parse(run, error);
}

bool tb_adb_run(TbIo *io, const TbAdbTarget *target, const char *command, const void *input, gsize input_size,
                int *ret_code, GByteArray *out, GByteArray *err, GError **error)
{
        g_autofree char *service = g_strconcat("shell,v2,raw:", command, NULL);
        g_autoptr(TbTransport) link = NULL;
        g_autoptr(GByteArray) in = g_byte_array_new(), pending = g_byte_array_new();

        if (*command == '\0') {
                tb_error_set_field(error, TB_ERROR_INVALID, "command", "must not be empty");
                return false;
        }
        link = tb_adb_service(io, target, service, error);
        if (link == NULL)
                return false;
        Run run = {.link = link,
                   .in = in,
                   .send = pending,
                   .input = input,
                   .input_left = input_size,
                   .out = out,
                   .err = err,
                   .code = -1};
        while (run.code < 0)
                if (!step(&run, io, error))
                        return false;
        *ret_code = run.code;
        return true;
}

char *tb_adb_ask(TbIo *io, const TbAdbTarget *target, const char *command, int *ret_code, GError **error)
{
        g_autoptr(GByteArray) out = g_byte_array_new(), err = g_byte_array_new();
        int code = 0;

        if (!tb_adb_run(io, target, command, NULL, 0, &code, out, err, error))
                return NULL;
        g_byte_array_append(out, (const guint8 *)"", 1);
        if (code != 0 && ret_code == NULL) {
                const GByteArray *said = err->len > 0 ? err : out;
                g_autofree char *text =
                        g_utf8_make_valid((const char *)said->data, (gssize)MIN(said->len, 300u));

                tb_set_error(error, TB_ERROR_UNPROCESSABLE, "%s answered: %s", target->serial,
                             *g_strstrip(text) ? text : "(nothing)");
                return NULL;
        }
        if (ret_code != NULL)
                *ret_code = code;
        return (char *)g_byte_array_free(g_steal_pointer(&out), FALSE);
}
