/* Shelly plugs and relays, Gen1 by their GET requests, Gen2 and later by RPC over HTTP. */
#include <string.h>

#include "drivers/driver.h"
#include "drivers/shelly/shelly_proto.h"
#include "drivers/transport/http.h"
#include "drivers/transport/httpauth.h"
#include "lib/limits.h"

#define ANSWER (64 * 1024) /* the longest known /status has 3 kB */
#define MISSES 2           /* polls in a row without an answer: it is gone */

typedef struct Shelly {
        TbInstance base;
        ShellyInfo info;
        ShellyAuth auth; /* of the RPC frames; cleared by close */
        int id;          /* of the last RPC */
        gint64 poll_us;  /* when the next poll is due */
        guint misses;
} Shelly;

static const TbParam params[] = {
        {.name = "output",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = SHELLY_OUTPUTS - 1,
         .fallback = "0",
         .help = "which output (relay) of the device, counted from 0"},
        {.name = "user",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 64,
         .help = "Gen1: its user name (default admin); later ones always have admin"},
        {.name = "password",
         .type = TB_PARAM_SECRET,
         .max = 128,
         .help = "the device's password, if one is set"},
        {.name = "interval_ms",
         .type = TB_PARAM_INT,
         .min = 1000,
         .max = 3600000,
         .fallback = "5000",
         .unit = "ms",
         .help = "pause between two measurements"},
        {.name = "poll_ms",
         .type = TB_PARAM_INT,
         .min = 1000,
         .max = 3600000,
         .fallback = "5000",
         .unit = "ms",
         .help = "pause between two looks at the state: somebody may press the button"},
        {.name = "timeout_ms",
         .type = TB_PARAM_INT,
         .min = 500,
         .max = 30000,
         .fallback = "4000",
         .unit = "ms",
         .help = "how long an answer may take; a plug on a bad Wi-Fi takes a second"},
        TB_PARAM_END,
};

static bool check(const TbUri *uri, json_t *p G_GNUC_UNUSED, GError **error)
{
        if (*uri->host && (!*uri->path || strcmp(uri->path, "/") == 0) && uri->port != 0)
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                           "name the device's address and nothing behind it: shelly://10.0.0.7?output=0");
        return false;
}

/* --- one exchange --- */
static int param(Shelly *s, const char *name)
{
        return (int)json_integer_value(json_object_get(s->base.params, name));
}

static const char *password_of(Shelly *s)
{
        const char *password = json_string_value(json_object_get(s->base.params, "password"));
        return password ? password : s->base.uri->password;
}

static const char *user_of(Shelly *s)
{
        const char *user = json_string_value(json_object_get(s->base.params, "user"));
        if (s->info.generation != 1)
                return "admin";
        return user ? user : s->base.uri->user ? s->base.uri->user : "admin";
}

static bool bad_password(Shelly *s, GError **error)
{
        bool given = password_of(s) != NULL;
        tb_set_error(error, TB_ERROR_DEVICE,
                     "the Shelly %s at %s %s the password: %s \"password\" of this attachment", s->info.model,
                     s->base.uri->host, given ? "refuses" : "wants", given ? "correct" : "set");
        return false;
}

/* Any status; `body` is a POST of JSON, NULL a GET. */
static bool exchange(Shelly *s, TbIo *io, const char *target, const char *body, TbHttpAnswer *ret,
                     GError **error)
{
        const TbUri *uri = s->base.uri;
        bool six = strchr(uri->host, ':') != NULL;
        g_autofree char *url = g_strdup_printf("http://%s%s%s:%d%s", six ? "[" : "", uri->host,
                                               six ? "]" : "", uri->port > 0 ? uri->port : 80, target);
        TbHttpCall call = {
                .method = body ? "POST" : "GET",
                .url = url,
                .content_type = body ? "application/json" : NULL,
                .body = body,
                .body_size = body ? strlen(body) : 0,
                .user = user_of(s),
                .password = password_of(s),
                .timeout_ms = param(s, "timeout_ms"),
                .limit = ANSWER,
        };
        return tb_http_call(io, &call, ret, error);
}

static bool bad_status(Shelly *s, const char *target, const TbHttpAnswer *answer, GError **error)
{
        gsize size;
        const char *words = g_bytes_get_data(answer->body, &size);
        g_autofree char *valid = g_utf8_make_valid(words, (gssize)MIN(size, 160));
        tb_set_error(error, TB_ERROR_DEVICE, "the Shelly at %s answers %s with status %d%s%s",
                     s->base.uri->host, target, answer->status, *g_strstrip(valid) ? ": " : "", valid);
        return false;
}

/* A GET whose answer must be 200. */
static bool get_ok(Shelly *s, TbIo *io, const char *target, TbHttpAnswer *ret, GError **error)
{
        if (!exchange(s, io, target, NULL, ret, error))
                return false;
        if (ret->status == 200)
                return true;
        bool ok = ret->status == 401 ? bad_password(s, error) : bad_status(s, target, ret, error);
        tb_http_answer_clear(ret);
        return ok;
}

static ShellyReply rpc_once(Shelly *s, TbIo *io, int on, json_t **ret_result, GError **error)
{
        g_autofree char *cnonce = tb_auth_cnonce();
        s->id = s->id % 1000000 + 1;
        g_autofree char *body =
                shelly_rpc_request(s->id, param(s, "output"), on, &s->auth, password_of(s), cnonce);
        TbHttpAnswer answer;
        if (!exchange(s, io, "/rpc", body, &answer, error))
                return SHELLY_BAD;
        gsize size;
        const char *text = g_bytes_get_data(answer.body, &size);
        ShellyReply reply = SHELLY_BAD;
        if (answer.status == 401 && g_hash_table_contains(answer.headers, "www-authenticate"))
                bad_password(s, error); /* the transport has answered its challenge already */
        else if (answer.status == 200 || answer.status == 401)
                reply = shelly_rpc_parse(text, size, s->id, ret_result, &s->auth, error);
        else
                bad_status(s, "/rpc", &answer, error);
        tb_http_answer_clear(&answer);
        return reply;
}

/* on < 0: status. The first request meets a challenge, later ones count on from it; when it got too old, the
 * plug sends a new one. */
static bool rpc(Shelly *s, TbIo *io, int on, json_t **ret_result, GError **error)
{
        ShellyReply reply = rpc_once(s, io, on, ret_result, error);
        if (reply == SHELLY_CHALLENGE && password_of(s))
                reply = rpc_once(s, io, on, ret_result, error);
        if (reply != SHELLY_CHALLENGE)
                return reply == SHELLY_OK;
        shelly_auth_clear(&s->auth);
        return bad_password(s, error);
}

static bool read_status(Shelly *s, TbIo *io, ShellyStatus *ret, GError **error)
{
        if (s->info.generation > 1) {
                json_auto_t *result = NULL;
                return rpc(s, io, -1, &result, error) &&
                       shelly_rpc_parse_switch(result, param(s, "output"), ret, error);
        }
        TbHttpAnswer answer;
        if (!get_ok(s, io, "/status", &answer, error))
                return false;
        gsize size;
        const char *text = g_bytes_get_data(answer.body, &size);
        bool ok = shelly_gen1_parse_status(text, size, param(s, "output"), ret, error);
        tb_http_answer_clear(&answer);
        return ok;
}

/* Tells what was seen, and that the plug is well. */
static bool observe(Shelly *s, TbIo *io, ShellyStatus *ret, GError **error)
{
        if (!read_status(s, io, ret, error))
                return false;
        s->base.up->power(&s->base, &ret->power); /* whoever asked: the next poll is put off */
        s->poll_us = g_get_monotonic_time() + (gint64)param(s, "poll_ms") * 1000;
        if (s->misses > 0)
                s->base.up->fault(&s->base, NULL);
        s->misses = 0;
        return true;
}

/* --- the lane --- */
static bool identify(Shelly *s, TbIo *io, GError **error)
{
        g_autoptr(GError) why = NULL;
        TbHttpAnswer answer;
        s->info = (ShellyInfo){.generation = 1};
        if (!get_ok(s, io, "/shelly", &answer, &why)) {
                bool silent = g_error_matches(why, TB_ERROR, TB_ERROR_GONE) ||
                              g_error_matches(why, TB_ERROR, TB_ERROR_TIMEOUT);
                if (silent)
                        tb_set_error(error, TB_ERROR_GONE,
                                     "no Shelly answers at %s (%s): has it power and network, is the address "
                                     "right?",
                                     s->base.uri->host, why->message);
                else
                        g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        gsize size;
        const char *text = g_bytes_get_data(answer.body, &size);
        bool ok = shelly_parse_info(text, size, &s->info, &why);
        tb_http_answer_clear(&answer);
        if (!ok)
                tb_set_error(error, TB_ERROR_DEVICE, "what answers at %s is no Shelly: %s", s->base.uri->host,
                             why->message);
        return ok;
}

static bool shelly_open(TbInstance *self, TbIo *io, GError **error)
{
        Shelly *s = (Shelly *)self;
        ShellyStatus status;
        s->misses = 0;
        if (!identify(s, io, error))
                return false;
        if (s->info.auth && !password_of(s))
                return bad_password(s, error);
        return observe(s, io, &status, error);
}

static void shelly_close(TbInstance *self)
{
        shelly_auth_clear(&((Shelly *)self)->auth);
}

/* One poll that fails may be the Wi-Fi's: that is told. Several are a plug that is gone, and so is one that
 * refuses connections. */
static bool missed(Shelly *s, GError *why_take, GError **error)
{
        g_autoptr(GError) why = why_take;
        if (g_error_matches(why, TB_ERROR, TB_ERROR_INTERRUPTED))
                return true; /* a command waits, or the lane ends; the poll is still due */
        s->poll_us = g_get_monotonic_time() + (gint64)param(s, "poll_ms") * 1000;
        bool silent = g_error_matches(why, TB_ERROR, TB_ERROR_TIMEOUT);
        if (++s->misses < MISSES && !g_error_matches(why, TB_ERROR, TB_ERROR_GONE)) {
                s->base.up->fault(&s->base, tb_error_detail(why));
                return true;
        }
        s->base.up->fault(&s->base, NULL); /* from here on the state says why */
        if (silent)
                tb_set_error(error, TB_ERROR_GONE, "the Shelly at %s stopped answering", s->base.uri->host);
        else
                g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

static bool shelly_pump(TbInstance *self, TbIo *io, GError **error)
{
        Shelly *s = (Shelly *)self;
        gint64 left_us = s->poll_us - g_get_monotonic_time();
        if (left_us > 0 && tb_io_wait(io, NULL, 0, (int)(left_us / 1000 + 1)) != TB_WAIT_TIMEOUT)
                return true;
        ShellyStatus status;
        GError *why = NULL;
        if (!observe(s, io, &status, &why))
                return missed(s, why, error);
        return true;
}

/* --- power, sensors --- */
static bool power_get(TbInstance *self, TbIo *io, TbPowerState *ret, GError **error)
{
        ShellyStatus status;
        if (!observe((Shelly *)self, io, &status, error))
                return false;
        *ret = status.power;
        return true;
}

static bool gen1_set(Shelly *s, TbIo *io, bool on, GError **error)
{
        g_autofree char *target = g_strdup_printf("/relay/%d?turn=%s", param(s, "output"), on ? "on" : "off");
        TbHttpAnswer answer;
        if (!get_ok(s, io, target, &answer, error))
                return false;
        gsize size;
        const char *text = g_bytes_get_data(answer.body, &size);
        bool is_on = false, overpower = false;
        bool ok = shelly_gen1_parse_relay(text, size, &is_on, &overpower, error);
        tb_http_answer_clear(&answer);
        if (ok && on && !is_on && overpower) {
                tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                             "the Shelly at %s stays off: it has seen too much power", s->base.uri->host);
                return false;
        }
        return ok; /* whether the relay follows is read back by core */
}

static bool power_set(TbInstance *self, TbIo *io, bool on, GError **error)
{
        Shelly *s = (Shelly *)self;
        json_auto_t *ignored = NULL;
        return s->info.generation > 1 ? rpc(s, io, on, &ignored, error) : gen1_set(s, io, on, error);
}

static bool sample(TbInstance *self, TbIo *io, GError **error)
{
        ShellyStatus status;
        if (!observe((Shelly *)self, io, &status, error))
                return false;
        const TbSample samples[] = {
                {"power.watts", "power", "W", status.power.watts, 0},
                {"power.volts", "voltage", "V", status.power.volts, 0},
                {"power.amps", "current", "A", status.power.amps, 0},
                {"power.energy", "energy", "W.h", status.power.energy_wh, 0},
                {"temperature", "temperature", "Cel", status.celsius, 0},
        };
        for (guint i = 0; i < G_N_ELEMENTS(samples); i++)
                if (isfinite(samples[i].value))
                        self->up->sample(self, &samples[i]);
        return true;
}

static const TbPowerOps power = {.set = power_set, .get = power_get};
static const TbSensorOps sensors = {.interval_ms = 5000, .sample = sample};
static const TbLane lanes[] = {
        {.name = "plug",
         .size = sizeof(Shelly),
         .open = shelly_open,
         .close = shelly_close,
         .pump = shelly_pump,
         .power = &power,
         .sensors = &sensors},
        {.name = NULL},
};

const TbDriver tb_driver_shelly = {
        .name = "shelly",
        .summary = "Shelly plugs and relays (Gen1, Gen2 and later): power with measurements, and sensors.",
        .example = "shelly://10.0.0.7?output=0&password=secret",
        .params = params,
        .check = check,
        .lanes = lanes,
};
