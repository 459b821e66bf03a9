/* What somebody who is in a call says there: relayed, or kept for who comes later; nothing of it that is not bounded. */
#include <math.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits_calls.h"
#include "server/calls/room_private.h"

typedef struct Saying {
        TbCallRooms *rooms;
        TbCallRoom *room;
        TbCallMember *by;
        const char *event;
        const json_t *said;
        GError **error;
} Saying;

static const char *text_of(const json_t *said, const char *field)
{
        return json_string_value(json_object_get(said, field));
}

static bool refuse(const Saying *s, TbErrorCode code, const char *field, const char *text)
{
        if (field)
                tb_error_set_field(s->error, code, field, "%s", text);
        else
                tb_set_error(s->error, code, "%s", text);
        return false;
}

/* What is said, by whom; the caller owns it. */
static json_t *signed_by(const Saying *s)
{
        json_t *out = json_copy((json_t *)s->said);
        json_object_del(out, "targetUserId");
        json_object_set_new(out, "fromUserId", json_string(s->by->user));
        json_object_set_new(out, "userId", json_string(s->by->user));
        return out;
}

/* --- signaling: to one, or to all others --- */
static bool relay(const Saying *s)
{
        const char *target = text_of(s->said, "targetUserId"), *type = text_of(s->said, "type");
        if (strcmp(s->event, "signal") == 0 &&
            (!type || (strcmp(type, "offer") != 0 && strcmp(type, "answer") != 0 &&
                       strcmp(type, "ice-candidate") != 0)))
                return refuse(s, TB_ERROR_INVALID, "type", "type must be offer, answer or ice-candidate");
        json_auto_t *out = signed_by(s);
        if (!target) {
                tb_call_room_tell(s->rooms, s->room, s->by, s->event, out);
                return true;
        }
        const TbCallMember *to = tb_call_member_of(s->room, target);
        if (!to || to == s->by)
                return refuse(s, TB_ERROR_NOT_FOUND, "targetUserId", "Target user is not in this call");
        if (!to->line)
                return refuse(s, TB_ERROR_GONE, "targetUserId", "Target user is not connected");
        s->rooms->ops.send(to->line, s->event, out);
        return true;
}

/* --- camera, microphone, screen, hand --- */
static bool media(const Saying *s)
{
        static const char *const names[TB_CALL_MEDIA] = {"videoEnabled", "audioEnabled", "screenSharing",
                                                         "handRaised", "lowBandwidth"};
        json_auto_t *out = json_pack("{s:s, s:s}", "callId", s->room->call, "userId", s->by->user);
        for (guint i = 0; i < TB_CALL_MEDIA; i++) {
                const json_t *value = json_object_get(s->said, names[i]);
                if (value && !json_is_boolean(value))
                        return refuse(s, TB_ERROR_INVALID, names[i], "it must be true or false");
        }
        for (guint i = 0; i < TB_CALL_MEDIA; i++) {
                const json_t *value = json_object_get(s->said, names[i]);
                if (value)
                        s->by->media[i] = json_is_true(value);
                json_object_set_new(out, names[i], json_boolean(s->by->media[i]));
        }
        tb_call_room_tell(s->rooms, s->room, NULL, "participant-media-updated", out);
        return true;
}

/* --- how good the line is --- */
static void warn(const Saying *s, const char *type, double value)
{
        json_auto_t *out = json_pack("{s:s, s:s, s:s, s:f}", "callId", s->room->call, "userId", s->by->user,
                                     "type", type, "value", value);
        tb_call_room_tell(s->rooms, s->room, NULL, "quality-warning", out);
}

static bool quality(const Saying *s)
{
        static const struct {
                const char *name;
                double max;
        } measured[] = {{"bandwidth", 1e9}, {"latency", 600000}, {"packetLoss", 100}, {"jitter", 600000}};
        for (guint i = 0; i < G_N_ELEMENTS(measured); i++) {
                const json_t *value = json_object_get(s->said, measured[i].name);
                double number = json_number_value(value);
                if (value &&
                    (!json_is_number(value) || !isfinite(number) || number < 0 || number > measured[i].max))
                        return refuse(s, TB_ERROR_INVALID, measured[i].name, "it is no such measure");
        }
        const json_t *resolution = json_object_get(s->said, "videoResolution");
        if (resolution && (!json_is_string(resolution) || json_string_length(resolution) > 32))
                return refuse(s, TB_ERROR_INVALID, "videoResolution", "it must be a text as 1280x720");
        double loss = json_number_value(json_object_get(s->said, "packetLoss")),
               latency = json_number_value(json_object_get(s->said, "latency"));
        if (loss > TB_LIMIT_CALL_WARN_LOSS)
                warn(s, "high-packet-loss", loss);
        if (latency > TB_LIMIT_CALL_WARN_LATENCY_MS)
                warn(s, "high-latency", latency);
        return true;
}

/* --- words --- */
static bool chat(const Saying *s)
{
        const json_t *text = json_object_get(s->said, "text");
        gsize size = json_string_length(text);
        if (!json_is_string(text) || size == 0 || size > TB_LIMIT_CALL_CHAT)
                return refuse(s, TB_ERROR_INVALID, "text", "text must be 1 to 1000 bytes");
        json_t *line = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "callId", s->room->call, "userId",
                                 s->by->user, "name", s->by->name, "n", (json_int_t)++s->room->said, "t",
                                 (json_int_t)tb_clock_ms(), "text", json_string_value(text));
        if (!line)
                return refuse(s, TB_ERROR_INVALID, "text", "text must be UTF-8 without zero bytes");
        if (json_array_size(s->room->chat) >= TB_LIMIT_CALL_CHAT_LINES)
                json_array_remove(s->room->chat, 0);
        json_array_append_new(s->room->chat, line);
        tb_call_room_tell(s->rooms, s->room, NULL, "chat", line);
        return true;
}

/* --- a bench device beside the people --- */
static json_t *bench_of(const TbCallRoom *room, const char *device)
{
        json_t *bench;
        gsize i;
        json_array_foreach (room->benches, i, bench)
                if (device && strcmp(text_of(bench, "device"), device) == 0)
                        return bench;
        return NULL;
}

static bool is_text(const json_t *value, gsize max)
{
        return json_is_string(value) && json_string_length(value) > 0 && json_string_length(value) <= max;
}

/* Who brings it says by which session of the server the others see it; its token is a link to watch, and nothing else. */
static bool bring(const Saying *s)
{
        const json_t *device = json_object_get(s->said, "device"),
                     *session = json_object_get(s->said, "sessionId"),
                     *token = json_object_get(s->said, "token");
        if (!is_text(device, 129) || !is_text(session, 128) || !is_text(token, 256))
                return refuse(s, TB_ERROR_INVALID, "device",
                              "device, sessionId and token of a session are needed");
        const char *name = json_string_value(device);
        json_t *old = bench_of(s->room, name);
        if (s->by->guest)
                return refuse(s, TB_ERROR_FORBIDDEN, NULL, "Guests bring no devices");
        if (old && strcmp(text_of(old, "userId"), s->by->user) != 0)
                return refuse(s, TB_ERROR_BUSY, "device", "Somebody else has brought this device");
        if (!old && json_array_size(s->room->benches) >= TB_LIMIT_CALL_BENCHES)
                return refuse(s, TB_ERROR_LIMIT, "device", "So many devices are in this call already");
        json_auto_t *out = json_pack("{s:s, s:s, s:s, s:s, s:s}", "callId", s->room->call, "userId",
                                     s->by->user, "device", name, "sessionId", json_string_value(session),
                                     "token", json_string_value(token));
        if (!out)
                return refuse(s, TB_ERROR_INVALID, "device", "it must be UTF-8");
        if (old)
                json_object_update(old, out);
        else
                json_array_append(s->room->benches, out);
        tb_call_room_tell(s->rooms, s->room, NULL, "device-shared", out);
        return true;
}

static bool take_away(const Saying *s)
{
        const json_t *bench = bench_of(s->room, text_of(s->said, "device"));
        if (!bench || strcmp(text_of(bench, "userId"), s->by->user) != 0)
                return refuse(s, TB_ERROR_NOT_FOUND, "device", "You have brought no such device");
        json_auto_t *out =
                json_pack("{s:s, s:O}", "callId", s->room->call, "device", json_object_get(bench, "device"));
        gsize i = 0;
        while (json_array_get(s->room->benches, i) != bench)
                i++;
        json_array_remove(s->room->benches, i);
        tb_call_room_tell(s->rooms, s->room, NULL, "device-unshared", out);
        return true;
}

/* Control is asked for of who has brought it, and given by him to the one who asked: by a link that nobody else is told. */
static bool control(const Saying *s)
{
        bool asks = strcmp(s->event, "request-control") == 0;
        const json_t *bench = bench_of(s->room, text_of(s->said, "device")),
                     *url = json_object_get(s->said, "controlUrl");
        bool brought = bench && strcmp(text_of(bench, "userId"), s->by->user) == 0;
        if (!bench || asks == brought)
                return refuse(s, TB_ERROR_NOT_FOUND, "device",
                              asks ? "Nobody else has brought such a device"
                                   : "You have brought no such device");
        const TbCallMember *to =
                tb_call_member_of(s->room, text_of(asks ? bench : s->said, asks ? "userId" : "targetUserId"));
        if (!to || !to->line || to == s->by)
                return refuse(s, TB_ERROR_NOT_FOUND, "targetUserId", "Target user is not in this call");
        if (url && !is_text(url, 2048))
                return refuse(s, TB_ERROR_INVALID, "controlUrl", "controlUrl must be an address");
        json_auto_t *out = signed_by(s);
        json_object_set_new(out, "name", json_string(s->by->name));
        s->rooms->ops.send(to->line, s->event, out);
        return true;
}

bool tb_call_room_said(TbCallRooms *rooms, const char *call, const char *user, const char *event,
                       const json_t *said, GError **error)
{
        static const struct {
                const char *event;
                bool (*take)(const Saying *s);
        } events[] = {{"signal", relay},
                      {"offer", relay},
                      {"answer", relay},
                      {"ice-candidate", relay},
                      {"update-media", media},
                      {"connection-quality", quality},
                      {"chat", chat},
                      {"share-device", bring},
                      {"unshare-device", take_away},
                      {"request-control", control},
                      {"answer-control", control}};
        TbCallRoom *room = tb_call_room_of(rooms, call);
        const Saying s = {rooms, room, tb_call_member_of(room, user), event, said, error};
        for (guint i = 0; i < G_N_ELEMENTS(events); i++) {
                if (strcmp(events[i].event, event) != 0)
                        continue;
                if (!s.by || !s.by->line)
                        return refuse(&s, TB_ERROR_FORBIDDEN, NULL,
                                      "You are not in this call: join-call first");
                return events[i].take(&s);
        }
        tb_set_error(error, TB_ERROR_INVALID, "There is no event \"%.32s\"", event);
        return false;
}
