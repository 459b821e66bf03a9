/* The connection with a phone, and what comes by it. */
#include <string.h>

#include "host/phone/phone_private.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"

struct TbPhoneConnection {
        TbPhone *phone;    /* borrowed; NULL: gone */
        TbPeer *peer;      /* media's; valid until `closed` */
        TbPhoneLine *line; /* borrowed; the thread of pictures looks at it alone */
};

/* --- what it says --- */
bool tb_phone_may_say(TbPhone *phone)
{
        return tb_intake_hears(&phone->intake, g_get_monotonic_time());
}

void tb_phone_new_page(TbPhone *phone)
{
        tb_intake_begin(&phone->intake);
        g_hash_table_remove_all(phone->switches);
}

static void take_switch(TbPhone *phone, const TbSaid *said)
{
        TbPhoneSwitch state = TB_PHONE_OFF;
        for (TbPhoneSwitch s = TB_PHONE_OFF; s <= TB_PHONE_MISSING; s++)
                if (strcmp(tb_phone_switch_name(s), said->state) == 0)
                        state = s;
        g_hash_table_insert(phone->switches, (gpointer)(gsize)said->event, GINT_TO_POINTER((int)state));
        tb_phone_show_camera(phone);
        phone->ops->changed(phone, phone->data);
}

void tb_phone_take(TbPhone *phone, const TbSaid *said)
{
        if (!tb_intake_takes(&phone->intake, said, g_get_monotonic_time()))
                return;
        for (guint i = 0; i < said->n_values; i++) {
                const TbSaidValue *v = &said->values[i];
                tb_phone_line_sample(phone->line, v->stream, v->quantity, v->unit, v->value);
        }
        if (said->type == TB_SAID_SWITCH)
                take_switch(phone, said);
        else if (said->type == TB_SAID_EVENT)
                tb_phone_line_event(phone->line, said->event, json_incref(said->data));
}

static const char *switch_words(const TbPhone *phone, const char *source, const char *off,
                                const char *refused)
{
        gpointer state;
        bool known = g_hash_table_lookup_extended(phone->switches, source, NULL, &state);
        if (!known || GPOINTER_TO_INT(state) == TB_PHONE_OFF)
                return off;
        return GPOINTER_TO_INT(state) == TB_PHONE_ON ? NULL : refused;
}

void tb_phone_show_camera(TbPhone *phone)
{
        TbPhoneState state = tb_phone_call_state(phone->call);
        const char *why =
                switch_words(phone, "camera", "The camera is switched off: press Camera on the phone.",
                             "The phone gives no camera: it was refused there, or is not there. Its page "
                             "says what helps.");
        if (state != TB_PHONE_CONNECTED)
                why = "There is no direct connection to the phone yet, which a picture needs.";
        tb_phone_line_set_dark(phone->line, why);
        why = switch_words(
                phone, "microphone", "The microphone is switched off: press Microphone on the phone.",
                "The phone gives no microphone: it was refused there, or is not there. Its page says what "
                "helps.");
        if (state != TB_PHONE_CONNECTED)
                why = "There is no direct connection to the phone yet, which sound needs.";
        tb_phone_line_set_mute(phone->line, why);
}

/* --- the peer --- */
static void want(TbPhoneConnection *c)
{
        tb_peer_want(c->peer, tb_phone_line_wants_pictures(c->line), tb_phone_line_wants_sound(c->line));
}

static void on_offer(TbPeer *peer G_GNUC_UNUSED, const char *sdp, const GError *error G_GNUC_UNUSED,
                     void *data)
{
        const TbPhoneConnection *c = data;
        if (c->phone && sdp)
                tb_phone_send(c->phone, json_pack("{s:s, s:s}", "type", "offer", "sdp", sdp));
}

static void on_candidate(TbPeer *peer G_GNUC_UNUSED, const char *candidate, const char *mid G_GNUC_UNUSED,
                         guint mline_index, void *data)
{
        const TbPhoneConnection *c = data;
        if (c->phone)
                tb_phone_send(c->phone, json_pack("{s:s, s:s, s:n, s:i}", "type", "ice", "candidate",
                                                  candidate, "sdpMid", "sdpMLineIndex", (int)mline_index));
}

static void on_state(TbPeer *peer G_GNUC_UNUSED, TbViewerState state, void *data)
{
        TbPhoneConnection *c = data;
        if (!c->phone || state != TB_VIEWER_CONNECTED)
                return;
        want(c);
        tb_phone_call_connected(c->phone->call, tb_clock_mono_ms());
        tb_phone_tick(c->phone);
}

static void on_channel(TbPeer *peer G_GNUC_UNUSED, const char *channel, bool open, void *data)
{
        const TbPhoneConnection *c = data;
        if (c->phone && open && strcmp(channel, "control") == 0)
                tb_phone_say_channel(c->phone, tb_phone_about_bench(c->phone));
}

static void on_message(TbPeer *peer G_GNUC_UNUSED, const char *channel G_GNUC_UNUSED, const char *bytes,
                       gsize length, bool text, void *data)
{
        const TbPhoneConnection *c = data;
        g_auto(TbSaid) said = {0};
        if (!c->phone || !text || length > TB_LIMIT_PHONE_MESSAGE || !tb_phone_may_say(c->phone) ||
            !tb_said_parse(bytes, length, false, &said, NULL))
                return;
        tb_phone_call_heard(c->phone->call, tb_clock_mono_ms());
        tb_phone_take(c->phone, &said);
}

static void on_picture(TbFrame *frame_take, void *data)
{
        tb_phone_line_picture(((const TbPhoneConnection *)data)->line, frame_take);
}

static void on_sound(TbSound *sound_take, void *data)
{
        tb_phone_line_sound(((const TbPhoneConnection *)data)->line, sound_take);
}

static void on_closed(TbPeer *peer G_GNUC_UNUSED, const char *reason, void *data)
{
        TbPhoneConnection *c = data;
        TbPhone *phone = c->phone;
        g_free(c);
        if (!phone)
                return;
        phone->connection = NULL;
        tb_log(TB_LOG_INFO, TB_F("device", phone->device, "phone", phone->name),
               "the connection has ended: %s", reason);
        tb_phone_call_closed(phone->call, tb_clock_mono_ms());
        tb_phone_tick(phone);
}

static const TbPeerCallbacks callbacks = {.answer = on_offer,
                                          .candidate = on_candidate,
                                          .state = on_state,
                                          .channel = on_channel,
                                          .message = on_message,
                                          .picture = on_picture,
                                          .phone_sound = on_sound,
                                          .closed = on_closed};

bool tb_phone_connect(TbPhone *phone)
{
        g_autoptr(GError) error = NULL;
        TbPhoneConnection *c = g_new0(TbPhoneConnection, 1);
        *c = (TbPhoneConnection){.phone = phone, .line = phone->line};
        const TbPeerOptions options = {.label = phone->name,
                                       .ice_servers = (const char *const *)phone->ice_servers};
        c->peer = tb_peer_call(phone->media, &options, &callbacks, c, &error);
        if (!c->peer) {
                tb_log(TB_LOG_DEBUG, TB_F("device", phone->device), "not called: %s", error->message);
                g_free(c);
                return false;
        }
        phone->connection = c;
        return true;
}

void tb_phone_disconnect(TbPhone *phone, const char *why)
{
        TbPhoneConnection *c = g_steal_pointer(&phone->connection);
        if (!c)
                return;
        c->phone = NULL;
        tb_peer_close(c->peer, why);
}

void tb_phone_want(TbPhone *phone)
{
        if (phone->connection)
                want(phone->connection);
}

void tb_phone_accept(TbPhone *phone, const char *sdp)
{
        if (phone->connection)
                tb_peer_accept(phone->connection->peer, sdp);
}

void tb_phone_add_candidate(TbPhone *phone, const char *candidate)
{
        g_autoptr(GError) error = NULL;
        if (phone->connection && *candidate &&
            !tb_peer_add_candidate(phone->connection->peer, candidate, 0, &error))
                tb_log(TB_LOG_DEBUG, TB_F("device", phone->device), "%s", error->message);
}

void tb_phone_say_channel(TbPhone *phone, json_t *message_take)
{
        g_autofree char *text = tb_json_text(message_take, NULL);
        if (phone->connection && text)
                tb_peer_send(phone->connection->peer, "control", text, NULL);
        json_decref(message_take);
}
