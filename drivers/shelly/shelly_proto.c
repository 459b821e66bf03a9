#include "drivers/shelly/shelly_proto.h"

#include <string.h>

#include "lib/json.h"

static bool refuse(GError **error, TbErrorCode code, const char *what, const char *words)
{
        g_autofree char *valid = g_utf8_make_valid(words, (gssize)MIN(strlen(words), 160));
        tb_set_error(error, (int)code, "%s: %s", what, valid);
        return false;
}

static json_t *parse_object(const void *text, gsize size, GError **error)
{
        g_autoptr(GError) why = NULL;
        json_t *value = tb_json_parse(text, size, &why);
        if (json_is_object(value))
                return value;
        json_decref(value);
        refuse(error, TB_ERROR_DEVICE, "not the answer of a Shelly", why ? why->message : "no JSON object");
        return NULL;
}

/* NAN when it is not there, no number, or not valid. */
static double number(const json_t *object, const char *key)
{
        const json_t *value = json_object_get(object, key);
        return json_is_number(value) ? json_number_value(value) : NAN;
}

/* --- GET /shelly --- */
/* JSON strings are UTF-8: cut before a character, never within one. */
static bool copy(char *to, gsize size, const json_t *from)
{
        const char *text = json_string_value(from), *end;
        if (!text || !*text)
                return false;
        g_strlcpy(to, text, size);
        if (!g_utf8_validate(to, -1, &end))
                to[end - to] = '\0';
        return true;
}

bool shelly_parse_info(const void *text, gsize size, ShellyInfo *ret, GError **error)
{
        json_auto_t *o = parse_object(text, size, error);
        if (!o)
                return false;
        ShellyInfo info = {.generation = 1};
        json_t *gen = json_object_get(o, "gen");
        if (gen) {
                if (!json_is_integer(gen) || json_integer_value(gen) < 2 || json_integer_value(gen) > 99)
                        return refuse(error, TB_ERROR_DEVICE, "not the answer of a Shelly",
                                      "\"gen\" is no generation");
                info.generation = (int)json_integer_value(gen);
        }
        bool old = info.generation == 1;
        if (!copy(info.model, sizeof info.model, json_object_get(o, old ? "type" : "model")) ||
            !json_is_string(json_object_get(o, "mac")))
                return refuse(error, TB_ERROR_DEVICE, "not the answer of a Shelly",
                              "it names no model and MAC");
        info.auth = json_is_true(json_object_get(o, old ? "auth" : "auth_en"));
        *ret = info;
        return true;
}

/* --- Gen1 --- */
static bool parse_ison(const json_t *relay, bool *ret_on, GError **error)
{
        const json_t *ison = json_object_get(relay, "ison");
        if (!json_is_boolean(ison))
                return refuse(error, TB_ERROR_DEVICE, "not the state of a relay", "\"ison\" is missing");
        *ret_on = json_is_true(ison);
        return true;
}

bool shelly_gen1_parse_relay(const void *text, gsize size, bool *ret_on, bool *ret_overpower, GError **error)
{
        json_auto_t *o = parse_object(text, size, error);
        bool on;
        if (!o || !parse_ison(o, &on, error))
                return false;
        *ret_on = on;
        *ret_overpower = json_is_true(json_object_get(o, "overpower"));
        return true;
}

bool shelly_gen1_parse_status(const void *text, gsize size, int output, ShellyStatus *ret, GError **error)
{
        json_auto_t *o = parse_object(text, size, error);
        if (!o)
                return false;
        json_t *relay = json_array_get(json_object_get(o, "relays"), (gsize)output);
        if (!relay) {
                tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                             "the plug has no output %d (it has %zu, counted from 0)", output,
                             json_array_size(json_object_get(o, "relays")));
                return false;
        }
        bool on;
        if (!parse_ison(relay, &on, error))
                return false;
        ShellyStatus status = {
                {on ? TB_POWER_ON : TB_POWER_OFF, NAN, NAN, NAN, NAN}, number(o, "temperature"), false};
        status.overpower = json_is_true(json_object_get(relay, "overpower"));
        /* one meter for two relays (Shelly 2) measures both: that is nobody's watts */
        json_t *meters = json_object_get(o, "meters"), *meter = json_array_get(meters, (gsize)output);
        bool own = json_array_size(meters) >= json_array_size(json_object_get(o, "relays"));
        if (own && json_is_true(json_object_get(meter, "is_valid"))) {
                status.power.watts = number(meter, "power");
                status.power.energy_wh = number(meter, "total") / 60; /* Watt-minutes */
        }
        *ret = status;
        return true;
}

/* --- Gen2+ --- */
void shelly_auth_clear(ShellyAuth *auth)
{
        g_free(auth->realm);
        *auth = (ShellyAuth){0};
}

static char *sha256(const char *text)
{
        return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}

char *shelly_rpc_response(const ShellyAuth *auth, const char *password, const char *cnonce)
{
        g_autofree char *a1 = g_strdup_printf("admin:%s:%s", auth->realm, password), *ha1 = sha256(a1);
        g_autofree char *ha2 = sha256("dummy_method:dummy_uri"); /* there is no method and no URI in a frame:
                                                                    these words are the protocol's */
        g_autofree char *all = g_strdup_printf("%s:%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT ":%s:auth:%s", ha1,
                                               auth->nonce, auth->nc, cnonce, ha2);
        return sha256(all);
}

char *shelly_rpc_request(int id, int output, int on, ShellyAuth *auth, const char *password,
                         const char *cnonce)
{
        json_auto_t *frame = json_pack("{s:i, s:s, s:s, s:{s:i}}", "id", id, "src", "testbed", "method",
                                       on < 0 ? "Switch.GetStatus" : "Switch.Set", "params", "id", output);
        if (on >= 0)
                json_object_set_new(json_object_get(frame, "params"), "on", json_boolean(on));
        if (auth && auth->realm && password) {
                g_autofree char *response = shelly_rpc_response(auth, password, cnonce);
                json_object_set_new(frame, "auth",
                                    json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:s}", "realm", auth->realm,
                                              "username", "admin", "nonce", (json_int_t)auth->nonce, "nc",
                                              (json_int_t)auth->nc, "cnonce", cnonce, "response", response,
                                              "algorithm", "SHA-256"));
                auth->nc++;
        }
        return tb_json_text(frame, NULL);
}

/* A number, or a number as a string (Wall Display). */
static bool integer(const json_t *value, gint64 *ret)
{
        if (json_is_integer(value)) {
                *ret = json_integer_value(value);
                return *ret >= 0;
        }
        return json_is_string(value) &&
               g_ascii_string_to_signed(json_string_value(value), 10, 0, G_MAXINT64, ret, NULL);
}

/* The challenge is JSON within a JSON string. */
static bool parse_challenge(const char *message, ShellyAuth *ret, GError **error)
{
        json_auto_t *o = parse_object(message, strlen(message), error);
        if (!o)
                return false;
        const char *realm = json_string_value(json_object_get(o, "realm")),
                   *type = json_string_value(json_object_get(o, "auth_type")),
                   *algorithm = json_string_value(json_object_get(o, "algorithm"));
        gint64 nonce, nc = 1;
        json_t *count = json_object_get(o, "nc");
        if (!realm || strlen(realm) > 200 || g_strcmp0(type, "digest") != 0 ||
            g_strcmp0(algorithm, "SHA-256") != 0 || !integer(json_object_get(o, "nonce"), &nonce) ||
            (count && !integer(count, &nc)) || nc > G_MAXINT32)
                return refuse(error, TB_ERROR_DEVICE,
                              "the plug asks for a password in a way that is not known", message);
        shelly_auth_clear(ret);
        *ret = (ShellyAuth){g_strdup(realm), nonce, nc};
        return true;
}

ShellyReply shelly_rpc_parse(const void *text, gsize size, int id, json_t **ret_result, ShellyAuth *ret_auth,
                             GError **error)
{
        json_auto_t *o = parse_object(text, size, error);
        if (!o)
                return SHELLY_BAD;
        json_t *failure = json_object_get(o, "error");
        if (json_is_object(failure)) {
                const char *message = json_string_value(json_object_get(failure, "message"));
                json_int_t code = json_integer_value(json_object_get(failure, "code"));
                if (code == 401)
                        return parse_challenge(message ? message : "", ret_auth, error) ? SHELLY_CHALLENGE
                                                                                        : SHELLY_BAD;
                g_autofree char *what =
                        g_strdup_printf("the plug refuses (code %" G_GINT64_FORMAT ")", (gint64)code);
                refuse(error, TB_ERROR_UNPROCESSABLE, what, message ? message : "it does not say why");
                return SHELLY_BAD;
        }
        json_t *answered = json_object_get(o, "id"), *result = json_object_get(o, "result");
        if (!json_is_integer(answered) || json_integer_value(answered) != id || !json_is_object(result)) {
                refuse(error, TB_ERROR_DEVICE, "not the answer of a Shelly", "no result for this request");
                return SHELLY_BAD;
        }
        *ret_result = json_incref(result);
        return SHELLY_OK;
}

bool shelly_rpc_parse_switch(const json_t *result, int output, ShellyStatus *ret, GError **error)
{
        const json_t *on = json_object_get(result, "output"), *id = json_object_get(result, "id");
        if (!json_is_boolean(on) || !json_is_integer(id) || json_integer_value(id) != output)
                return refuse(error, TB_ERROR_DEVICE, "not the state of a switch",
                              "\"output\" or the right \"id\" is missing");
        *ret = (ShellyStatus){
                {json_is_true(on) ? TB_POWER_ON : TB_POWER_OFF, number(result, "apower"),
                 number(result, "voltage"), number(result, "current"),
                 number(json_object_get(result, "aenergy"), "total")},
                number(json_object_get(result, "temperature"), "tC"),
                false,
        };
        return true;
}
