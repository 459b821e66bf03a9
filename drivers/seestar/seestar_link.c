#include "drivers/seestar/seestar_link.h"

#include <string.h>

#include "drivers/seestar/seestar_sign.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/text.h"

#define PORT 4700
#define CONNECT_MS 10000
#define ANSWER_MS 10000
#define BEAT_MS 3000
#define DEVICE_BEATS 10 /* beats between two looks at all of its state */
#define READ 65536

static const char *where(const TbSeestarLink *l)
{
        return tb_transport_name(l->line);
}

void tb_seestar_tell(TbSeestarLink *l, bool now)
{
        gint64 now_ms = tb_clock_mono_ms();
        if (!l->changed || (!now && now_ms - l->told_ms < TB_LIMIT_MOUNT_TELL_MS))
                return;
        l->changed = false;
        l->told_ms = now_ms;
        l->base.up->event(&l->base, "mount.state", tb_seestar_json(&l->state, now_ms));
}

/* --- what comes --- */
static void take_beat(TbSeestarLink *l, int id, json_t *message)
{
        json_t *result = json_object_get(message, "result");
        gint64 now_ms = tb_clock_mono_ms();
        if (id == l->beat_place) {
                l->beat_place = 0;
                l->changed |= tb_seestar_take_place(&l->state, result);
        } else if (id == l->beat_horizon) {
                l->beat_horizon = 0;
                l->no_horizon = !tb_seestar_take_horizon(&l->state, result);
        } else if (id == l->beat_device) {
                l->beat_device = 0;
                tb_seestar_take_device(&l->state, result);
                if (l->state.closed == 1 && tb_seestar_is_doing(&l->state, "park"))
                        tb_seestar_doing(&l->state, "park", "complete", false, NULL, now_ms);
                l->changed = true;
        } else if (id == l->beat_view) {
                l->beat_view = 0;
                tb_seestar_take_view(&l->state, result, now_ms);
                l->changed = true;
        }
}

/* What the telescope found on its picture, and what it warns of: told as they are. */
static void tell_event(TbSeestarLink *l, json_t *message)
{
        const char *event = json_string_value(json_object_get(message, "Event"));
        const bool alert = g_strcmp0(event, "Alert") == 0;
        json_t *found = json_object_get(message, "result");
        if (alert) {
                json_t *said = json_object_get(message, "error");
                g_autofree char *text = tb_text_cut(json_is_string(said) ? json_string_value(said) : "", 200);
                l->base.up->event(&l->base, "mount.alert",
                                  json_pack("{s:s, s:I}", "error", text, "code",
                                            json_integer_value(json_object_get(message, "code"))));
        } else if (g_strcmp0(event, "Annotate") == 0 && json_is_object(found) &&
                   tb_json_weight(found) < TB_LIMIT_DEVICE_ANSWER) {
                l->base.up->event(&l->base, "mount.annotation", json_incref(found));
        }
}

static void take_message(TbSeestarLink *l, json_t *message)
{
        json_t *id = json_object_get(message, "id");
        int n = json_is_integer(id) ? (int)json_integer_value(id) : 0;
        l->heard_ms = tb_clock_mono_ms();
        if (json_object_get(message, "Event")) {
                l->changed |= tb_seestar_hear(&l->state, message, l->heard_ms);
                tell_event(l, message);
        } else if (n != 0 && n == l->pending) {
                json_decref(l->answer);
                l->answer = json_incref(message);
        } else if (n != 0) { /* one that came too late is nobody's */
                take_beat(l, n, message);
        }
}

/* All whole lines that are there. */
static bool take_lines(TbSeestarLink *l, GError **error)
{
        gsize at = 0;
        for (;;) {
                gssize n = tb_seestar_line(l->in->data + at, l->in->len - at);
                if (n < 0) {
                        tb_set_error(
                                error, TB_ERROR_DEVICE,
                                "%s sends a line of more than %d bytes: that is no telescope of this kind",
                                where(l), TB_LIMIT_SEESTAR_LINE);
                        return false;
                }
                if (n == 0)
                        break;
                json_auto_t *message = tb_json_parse(l->in->data + at, (gsize)n, NULL);
                if (!json_is_object(message)) {
                        tb_set_error(error, TB_ERROR_DEVICE,
                                     "%s does not speak as a telescope of this kind: is this its address, "
                                     "and its port %d?",
                                     where(l), PORT);
                        return false;
                }
                take_message(l, message);
                at += (gsize)n;
        }
        if (at > 0)
                g_byte_array_remove_range(l->in, 0, (guint)at);
        return true;
}

static bool read_more(TbSeestarLink *l, GError **error)
{
        guint8 chunk[READ];
        g_autoptr(GError) lost = NULL;
        gssize n = tb_transport_read_now(l->line, chunk, sizeof chunk, &lost);
        if (n < 0) {
                tb_set_error(error, TB_ERROR_GONE,
                             "%s closed the connection: was the telescope switched off?", where(l));
                return false;
        }
        g_byte_array_append(l->in, chunk, (guint)n);
        return take_lines(l, error);
}

/* --- what goes --- */
static int send_request(TbSeestarLink *l, TbIo *io, const char *method, json_t *params, GError **error)
{
        int id = l->next_id++;
        if (l->next_id > 1000000)
                l->next_id = 10000;
        g_autofree char *text = tb_seestar_request(id, method, params, l->state.firmware);
        if (!text) {
                tb_set_error(error, TB_ERROR_INVALID, "that is no text");
                return 0;
        }
        return tb_transport_write(l->line, io, text, strlen(text), ANSWER_MS, error) ? id : 0;
}

static bool wait_answer(TbSeestarLink *l, TbIo *io, const char *method, int timeout_ms, GError **error)
{
        gint64 until = tb_clock_mono_ms() + timeout_ms;
        while (!l->answer) {
                struct pollfd p = {.fd = tb_transport_fd(l->line), .events = POLLIN};
                gint64 left = until - tb_clock_mono_ms();
                TbWait w = left <= 0 ? TB_WAIT_TIMEOUT : tb_io_wait(io, &p, 1, (int)left);
                if (w == TB_WAIT_TIMEOUT) {
                        tb_set_error(error, TB_ERROR_TIMEOUT,
                                     "%s did not answer %s within %d s: is it busy, asleep, or out of the "
                                     "network's reach?",
                                     where(l), method, timeout_ms / 1000);
                        return false;
                }
                if (w != TB_WAIT_READY)
                        return tb_io_fail(w, where(l), error);
                if (!read_more(l, error))
                        return false;
        }
        return true;
}

json_t *tb_seestar_ask(TbSeestarLink *l, TbIo *io, const char *method, json_t *params, int timeout_ms,
                       GError **error)
{
        if (!l->line) {
                tb_set_error(error, TB_ERROR_GONE, "the telescope is not there");
                return NULL;
        }
        l->pending = send_request(l, io, method, params, error);
        bool fine = l->pending && wait_answer(l, io, method, timeout_ms, error);
        json_auto_t *answer = g_steal_pointer(&l->answer);
        l->pending = 0;
        if (!fine || tb_seestar_refuses(answer, method, error))
                return NULL;
        json_t *result = json_object_get(answer, "result");
        return result ? json_incref(result) : json_null();
}

/* --- the lane --- */
/* The firmware decides the dialect of all that follows: the oldest do not know "verify", the newest want a signature first. */
static bool meet(TbSeestarLink *l, TbIo *io, GError **error)
{
        g_autoptr(GError) strange = NULL;
        const bool keyed = json_object_get(l->base.params, "key") != NULL;
        if (keyed && !tb_seestar_prove(l, io, error))
                return false;
        json_auto_t *device = tb_seestar_ask(l, io, "get_device_state", NULL, ANSWER_MS, &strange);
        if (!device && !g_error_matches(strange, TB_ERROR, TB_ERROR_TIMEOUT) &&
            !g_error_matches(strange, TB_ERROR, TB_ERROR_GONE) && l->line) {
                l->state.firmware = TB_SEESTAR_FW_VERIFY; /* it does not take the word */
                g_autoptr(GError) again = NULL;
                device = tb_seestar_ask(l, io, "get_device_state", NULL, ANSWER_MS, &again);
        }
        if (!device) {
                g_propagate_error(error, g_steal_pointer(&strange));
                if (!keyed && error && g_error_matches(*error, TB_ERROR, TB_ERROR_TIMEOUT))
                        tb_error_suffix(error,
                                        "; firmware 7.18 and newer speaks to programs with the maker's "
                                        "key alone: \"key\" names the file of one");
                return false;
        }
        tb_seestar_take_device(&l->state, device);
        json_auto_t *view = tb_seestar_ask(l, io, "get_view_state", NULL, ANSWER_MS, NULL);
        tb_seestar_take_view(&l->state, view, tb_clock_mono_ms());
        return true;
}

bool tb_seestar_open(TbInstance *self, TbIo *io, GError **error)
{
        TbSeestarLink *l = (TbSeestarLink *)self;
        const TbUri *uri = self->uri;
        tb_seestar_state_init(&l->state);
        l->in = g_byte_array_new();
        l->next_id = 10000;
        l->beats = 0;
        l->beat_place = l->beat_horizon = l->beat_device = l->beat_view = 0;
        l->no_horizon = false;
        l->line = tb_transport_tcp(io, uri->host, (guint16)(uri->port > 0 ? uri->port : PORT), CONNECT_MS,
                                   error);
        if (!l->line)
                return false;
        l->heard_ms = tb_clock_mono_ms();
        l->beat_ms = 0;
        if (!meet(l, io, error))
                return false;
        l->changed = true;
        tb_seestar_tell(l, true);
        return true;
}

void tb_seestar_close(TbInstance *self)
{
        TbSeestarLink *l = (TbSeestarLink *)self;
        g_clear_pointer(&l->line, tb_transport_close);
        g_clear_pointer(&l->in, g_byte_array_unref);
        json_decref(g_steal_pointer(&l->answer));
}

static bool beat(TbSeestarLink *l, TbIo *io, gint64 now_ms, GError **error)
{
        bool park = tb_seestar_is_doing(&l->state, "park"), look = park || l->beats++ % DEVICE_BEATS == 0;
        l->beat_ms = now_ms;
        if (!(l->beat_place = send_request(l, io, "scope_get_equ_coord", NULL, error)))
                return false;
        if (!l->no_horizon && !(l->beat_horizon = send_request(l, io, "scope_get_horiz_coord", NULL, error)))
                return false;
        return !look || ((l->beat_device = send_request(l, io, "get_device_state", NULL, error)) &&
                         (l->beat_view = send_request(l, io, "get_view_state", NULL, error)));
}

bool tb_seestar_pump(TbInstance *self, TbIo *io, GError **error)
{
        TbSeestarLink *l = (TbSeestarLink *)self;
        gint64 now_ms = tb_clock_mono_ms();
        if (now_ms - l->heard_ms >= TB_LIMIT_SEESTAR_SILENT_MS) {
                tb_set_error(error, TB_ERROR_GONE,
                             "%s has been silent for %d s: is it switched off, asleep, or out of the "
                             "network's reach?",
                             where(l), TB_LIMIT_SEESTAR_SILENT_MS / 1000);
                return false;
        }
        if (now_ms - l->beat_ms >= BEAT_MS && !beat(l, io, now_ms, error))
                return false;
        tb_seestar_tell(l, false);
        gint64 due = l->beat_ms + BEAT_MS - now_ms;
        if (l->changed)
                due = MIN(due, l->told_ms + TB_LIMIT_MOUNT_TELL_MS - now_ms);
        struct pollfd p = {.fd = tb_transport_fd(l->line), .events = POLLIN};
        return tb_io_wait(io, &p, 1, (int)MAX(due, 0)) != TB_WAIT_READY || read_more(l, error);
}
