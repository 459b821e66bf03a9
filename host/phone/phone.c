#include "host/phone/phone.h"

#include <string.h>

#include "host/phone/phone_private.h"
#include "lib/clock.h"
#include "lib/ice.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/qr.h"
#include "lib/thread.h"

static const char *kept_text(const TbPhone *phone, const char *field)
{
        return json_string_value(json_object_get(phone->kept, field));
}

void tb_phone_send(TbPhone *phone, json_t *message_take)
{
        gsize size = 0;
        g_autofree char *text = tb_json_text(message_take, &size);
        json_decref(message_take);
        if (text)
                tb_bridge_link_send(phone->link, false, text, size);
}

json_t *tb_phone_about_bench(const TbPhone *phone)
{
        return json_pack("{s:s, s:s, s:I, s:{s:s, s:s}}", "type", "event", "event", "phone.bench", "t",
                         (json_int_t)tb_clock_ms(), "data", "host", tb_core_config(phone->core)->name,
                         "device", phone->device);
}

/* --- what the state machine wants done --- */
static void do_ask(gpointer data)
{
        TbPhone *phone = data;
        phone->ops->ask(phone, phone->data);
}

static void do_hello(gpointer data)
{
        TbPhone *phone = data;
        tb_phone_send(phone, json_pack("{s:s, s:s, s:s, s:s, s:s*}", "type", "hello", "role", "desktop",
                                       "sessionId", kept_text(phone, "sessionId"), "token",
                                       kept_text(phone, "token"), "peerId", kept_text(phone, "peerId")));
}

static void do_pong(gint64 t, gpointer data)
{
        tb_phone_send(data, json_pack("{s:s, s:o*}", "type", "pong", "t", t >= 0 ? json_integer(t) : NULL));
}

static void do_settled(gpointer data)
{
        tb_bridge_link_settled(((TbPhone *)data)->link);
}

static bool do_call(gpointer data)
{
        return tb_phone_connect(data);
}

static void do_hang_up(const char *why, gpointer data)
{
        tb_phone_disconnect(data, why);
}

static void do_accept(const char *sdp, gpointer data)
{
        tb_phone_accept(data, sdp);
}

static void do_candidate(const char *candidate, gpointer data)
{
        tb_phone_add_candidate(data, candidate);
}

static void do_probe(gpointer data)
{
        TbPhone *phone = data;
        tb_phone_say_channel(phone, json_pack("{s:s, s:s, s:I, s:{s:i}}", "type", "event", "event",
                                              "phone.ping", "t", (json_int_t)tb_clock_ms(), "data", "n", 1));
}

/* The server does not know the session any more: its code opens nothing. */
static void do_forget(gpointer data)
{
        TbPhone *phone = data;
        g_clear_pointer(&phone->kept, json_decref);
        phone->ops->keep(phone, phone->data);
}

static void do_changed(gpointer data)
{
        TbPhone *phone = data;
        bool there = tb_phone_call_there(phone->call);
        g_autofree char *why = there ? NULL : tb_phone_words(phone);
        if (there && phone->kept && !json_object_get(phone->kept, "came")) {
                json_object_set_new(phone->kept, "came", json_true());
                phone->ops->keep(phone, phone->data);
        }
        tb_phone_show_camera(phone);
        tb_phone_line_set_away(phone->line, why);
        phone->ops->changed(phone, phone->data);
}

/* --- the socket --- */
static void on_opened(gpointer data)
{
        tb_phone_call_opened(((TbPhone *)data)->call);
}

static void came(TbPhone *phone)
{
        tb_phone_new_page(phone);
        tb_phone_send(phone, tb_phone_about_bench(phone));
}

static void take_ready(TbPhone *phone, const TbSaid *said)
{
        g_strfreev(phone->ice_servers);
        phone->ice_servers = said->ice_servers ? tb_ice_uris(said->ice_servers) : NULL;
        if (said->peer && g_strcmp0(said->peer, kept_text(phone, "peerId")) != 0) {
                json_object_set_new(phone->kept, "peerId", json_string(said->peer));
                phone->ops->keep(phone, phone->data);
        }
        if (said->phone)
                came(phone);
}

static void on_text(const char *text, gsize size, gpointer data)
{
        TbPhone *phone = data;
        g_auto(TbSaid) said = {0};
        g_autoptr(GError) error = NULL;
        if (!tb_said_parse(text, size, true, &said, &error)) {
                tb_log(TB_LOG_DEBUG, TB_F("device", phone->device), "message of a phone: %s", error->message);
                return;
        }
        if (said.type >= TB_SAID_VALUES_OF && !tb_phone_may_say(phone))
                return;
        if (said.type == TB_SAID_READY)
                take_ready(phone, &said);
        else if (said.type == TB_SAID_CAME)
                came(phone);
        else if (said.type == TB_SAID_PONG)
                tb_bridge_link_pong(phone->link, said.t);
        else if (said.type >= TB_SAID_VALUES_OF)
                tb_phone_take(phone, &said);
        tb_phone_call_said(phone->call, &said, tb_clock_mono_ms());
        tb_phone_tick(phone);
}

/* The server closes with 1008 for a reason that it told before; nobody else can. */
static void on_lost(const char *reason, gpointer data)
{
        TbPhone *phone = data;
        tb_phone_call_lost(phone->call, strstr(reason, "(1008)") != NULL, tb_clock_mono_ms());
        tb_phone_tick(phone);
}

static void on_nothing(gpointer data G_GNUC_UNUSED)
{
}

static void on_binary(const guint8 *bytes G_GNUC_UNUSED, gsize size G_GNUC_UNUSED,
                      gpointer data G_GNUC_UNUSED)
{
}

static const TbBridgeLinkOps link_ops = {
        .opened = on_opened, .text = on_text, .binary = on_binary, .lost = on_lost, .arrived = on_nothing};

/* The link may be at work further up: it ends from the loop. */
static void free_link(gpointer link)
{
        tb_bridge_link_free(link);
}

static void do_join(bool open, gpointer data)
{
        TbPhone *phone = data;
        const TbHostConfig *config = tb_core_config(phone->core);
        g_autoptr(GError) error = NULL;
        TbBridgeLink *old = g_steal_pointer(&phone->link);
        if (old && !tb_main_post(free_link, old))
                tb_bridge_link_free(old);
        if (!open)
                return;
        phone->link = tb_bridge_link_new(config->server_url, config->server_ca, &link_ops, phone, &error);
        if (!phone->link)
                tb_log(TB_LOG_ERROR, TB_F("device", phone->device), "%s", tb_error_detail(error));
}

static const TbPhoneCallOps call_ops = {.ask = do_ask,
                                        .join = do_join,
                                        .hello = do_hello,
                                        .pong = do_pong,
                                        .settled = do_settled,
                                        .call = do_call,
                                        .hang_up = do_hang_up,
                                        .accept = do_accept,
                                        .candidate = do_candidate,
                                        .probe = do_probe,
                                        .forget = do_forget,
                                        .changed = do_changed};

/* --- time --- */
static gboolean on_timer(gpointer data)
{
        TbPhone *phone = data;
        phone->timer = 0;
        tb_phone_tick(phone);
        return G_SOURCE_REMOVE;
}

void tb_phone_tick(TbPhone *phone)
{
        gint64 now = tb_clock_mono_ms(), next = tb_phone_call_tick(phone->call, now);
        g_clear_handle_id(&phone->timer, g_source_remove);
        phone->timer = g_timeout_add((guint)CLAMP(next - now, 10, G_MAXINT32), on_timer, phone);
}

/* --- life --- */
static void on_wanted(gpointer data)
{
        tb_phone_want(data);
}

TbPhone *tb_phone_new(TbCore *core, TbMedia *media, const char *name, const char *device, const json_t *kept,
                      const TbPhoneOps *ops, gpointer data)
{
        TbPhone *phone = g_new0(TbPhone, 1);
        phone->core = core;
        phone->media = media;
        phone->name = g_strdup(name);
        phone->device = g_strdup(device);
        phone->ops = ops;
        phone->data = data;
        phone->kept = json_is_object(kept) ? json_deep_copy(kept) : NULL;
        tb_intake_init(&phone->intake);
        phone->switches = g_hash_table_new(g_str_hash, g_str_equal);
        phone->line = tb_phone_line_open(name, on_wanted, phone);
        phone->call =
                tb_phone_call_new(&call_ops, phone, tb_phone_has_code(phone),
                                  json_is_true(json_object_get(phone->kept, "came")), tb_clock_mono_ms());
        phone->timer = g_timeout_add(0, on_timer, phone);
        return phone;
}

void tb_phone_free(TbPhone *phone)
{
        if (!phone)
                return;
        tb_phone_disconnect(phone, "the host is stopping, or the phone was removed");
        tb_phone_line_close(phone->line);
        g_clear_handle_id(&phone->timer, g_source_remove);
        tb_bridge_link_free(phone->link);
        tb_phone_call_free(phone->call);
        tb_intake_clear(&phone->intake);
        g_hash_table_unref(phone->switches);
        g_strfreev(phone->ice_servers);
        json_decref(phone->kept);
        g_free(phone->trouble);
        g_free(phone->device);
        g_free(phone->name);
        g_free(phone);
}

void tb_phone_end(TbPhone *phone)
{
        if (tb_phone_has_code(phone))
                phone->ops->end(phone, kept_text(phone, "sessionId"), phone->data);
}

/* --- what is known --- */
const char *tb_phone_name(const TbPhone *phone)
{
        return phone->name;
}

const char *tb_phone_device(const TbPhone *phone)
{
        return phone->device;
}

const char *tb_phone_trouble(const TbPhone *phone)
{
        return phone->trouble;
}

json_t *tb_phone_kept(const TbPhone *phone)
{
        return phone->kept ? json_deep_copy(phone->kept) : NULL;
}

bool tb_phone_has_code(const TbPhone *phone)
{
        return kept_text(phone, "sessionId") && kept_text(phone, "token") && kept_text(phone, "phoneUrl");
}

static void put_code(const TbPhone *phone, json_t *to)
{
        static const char *const fields[] = {"phoneUrl", "phoneUrls", "authorityUrl", NULL};
        for (const char *const *f = fields; *f; f++)
                if (json_object_get(phone->kept, *f))
                        json_object_set(to, *f, json_object_get(phone->kept, *f));
        g_autoptr(GBytes) svg = tb_qr_svg(kept_text(phone, "phoneUrl"), NULL);
        if (!svg)
                return;
        g_autofree char *base64 = g_base64_encode(g_bytes_get_data(svg, NULL), g_bytes_get_size(svg));
        json_object_set_new(to, "qr", json_sprintf("data:image/svg+xml;base64,%s", base64));
}

json_t *tb_phone_json(const TbPhone *phone, bool code)
{
        g_autofree char *words = tb_phone_words(phone),
                        *since = tb_clock_rfc3339(tb_clock_wall_of(tb_phone_call_since_ms(phone->call)));
        json_t *switches = json_object();
        GHashTableIter iter;
        gpointer source, state;
        g_hash_table_iter_init(&iter, phone->switches);
        while (g_hash_table_iter_next(&iter, &source, &state))
                json_object_set_new(switches, source,
                                    json_string(tb_phone_switch_name((TbPhoneSwitch)GPOINTER_TO_INT(state))));
        TbPhoneState s = tb_phone_call_state(phone->call);
        bool away = s == TB_PHONE_WAITING && tb_phone_call_came(phone->call);
        json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "name", phone->name, "device", phone->device,
                              "state", away ? "away" : tb_phone_state_name(s), "words", words, "since", since,
                              "switches", switches);
        if (code && tb_phone_has_code(phone))
                put_code(phone, o);
        return o;
}

/* --- the server's answers --- */
void tb_phone_server_is_here(TbPhone *phone)
{
        tb_phone_call_server(phone->call, tb_clock_mono_ms());
        tb_phone_tick(phone);
}

void tb_phone_session(TbPhone *phone, json_t *message)
{
        static const char *const fields[] = {"sessionId", "token",        "phoneUrl",
                                             "phoneUrls", "authorityUrl", NULL};
        const char *trouble = json_string_value(json_object_get(message, "error"));
        if (tb_phone_has_code(phone))
                return;
        g_free(phone->trouble);
        phone->trouble = g_strdup(trouble);
        json_decref(phone->kept);
        phone->kept = json_object();
        for (const char *const *f = fields; *f && !trouble; f++)
                if (json_object_get(message, *f))
                        json_object_set(phone->kept, *f, json_object_get(message, *f));
        if (tb_phone_has_code(phone)) {
                phone->ops->keep(phone, phone->data);
                tb_phone_call_session(phone->call, tb_clock_mono_ms());
        } else {
                g_clear_pointer(&phone->kept, json_decref);
                if (!trouble)
                        phone->trouble = g_strdup("the pairing server's answer makes no sense");
                phone->ops->changed(phone, phone->data);
        }
        tb_phone_tick(phone);
}
