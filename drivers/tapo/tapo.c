/* TP-Link's Tapo plugs and strips, in the local network: by KLAP, or by what they spoke before. */
#include "drivers/tapo/passthrough.h"
#include "drivers/tapo/tapo_find.h"

#define NEW_METER 2 /* version of the part that tells volts and amps */

enum { KLAP = 1, PASSTHROUGH = 2, STRIP = 4, USAGE = 8, METER = 16 }; /* TbPlug.dialect */

typedef struct Tapo {
        TbPlug plug;
        TbKlapAccount account;
        TbKlapSession klap;
        TbTapoPass pass;
        char *child; /* owned; of a strip: the outlet's own id */
} Tapo;

static bool open_tapo(TbPlug *p, TbIo *io G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
        ((Tapo *)p)->account = tb_klap_session_account(&p->http);
        return true;
}

static void forget(Tapo *t)
{
        tb_klap_session_end(&t->klap);
        tb_tapo_pass_end(&t->pass);
}

static void close_tapo(TbPlug *p)
{
        Tapo *t = (Tapo *)p;
        forget(t);
        g_clear_pointer(&t->child, g_free);
}

static json_t *exchange(Tapo *t, TbIo *io, const json_t *request, GError **error)
{
        TbHttpDevice *d = &t->plug.http;
        return t->plug.dialect & KLAP ? tb_klap_session_ask(&t->klap, d, &t->account, io, request, error)
                                      : tb_tapo_pass_ask(&t->pass, d, &t->account, io, request, error);
}

/* The result of one method, an empty object where it has none; new reference. */
static json_t *ask(Tapo *t, TbIo *io, const char *method, json_t *params_take, const char *child,
                   GError **error)
{
        const TbHttpDevice *d = &t->plug.http;
        json_auto_t *request = tb_tapo_request(method, params_take, child);
        for (int attempt = 0;; attempt++) {
                json_auto_t *answer = exchange(t, io, request, error);
                const json_t *result;
                json_int_t code;
                if (!answer)
                        return NULL;
                TbTapoAnswer judged = tb_tapo_judge(answer, child, &result, &code);
                if (judged == TB_TAPO_FINE)
                        return result ? json_incref((json_t *)result) : json_object();
                if (judged != TB_TAPO_REFUSED)
                        forget(t);
                if (judged == TB_TAPO_AGAIN && attempt == 0)
                        continue;
                if (judged == TB_TAPO_ACCOUNT)
                        tb_klap_session_refused(d, &t->account, error);
                else
                        tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                                     "the %s at %s refuses %s (error %" JSON_INTEGER_FORMAT ")", d->what,
                                     d->where, method, code);
                return NULL;
        }
}

/* KLAP, or what was before it; where it speaks neither, what KLAP's way said is what there is to mend. */
static bool find_way(Tapo *t, TbIo *io, GError **error)
{
        TbHttpDevice *d = &t->plug.http;
        g_autoptr(GError) why = NULL, older = NULL;
        t->plug.dialect = KLAP;
        if (tb_klap_session_begin(&t->klap, d, &t->account, io, &why))
                return true;
        if (g_error_matches(why, TB_ERROR, TB_ERROR_UNSUPPORTED)) {
                t->plug.dialect = PASSTHROUGH;
                if (tb_tapo_pass_begin(&t->pass, d, &t->account, io, &older))
                        return true;
                if (!g_error_matches(older, TB_ERROR, TB_ERROR_UNSUPPORTED)) {
                        g_propagate_error(error, g_steal_pointer(&older));
                        return false;
                }
                why->code = TB_ERROR_DEVICE;
        }
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

static bool find_child(Tapo *t, TbIo *io, GError **error)
{
        json_auto_t *list =
                ask(t, io, "get_child_device_list", json_pack("{s:i}", "start_index", 0), NULL, error);
        const json_t *child = list ? tb_tapo_child(list, t->plug.output, error) : NULL;
        const char *id = json_string_value(json_object_get(child, "device_id"));
        if (child && !id)
                tb_http_device_foreign(&t->plug.http, "its outlets have no ids", error);
        g_free(t->child);
        t->child = g_strdup(id);
        return id != NULL;
}

/* Notes that it does when it does; false: it could not be asked. */
static bool measures(Tapo *t, TbIo *io, const char *method, int how, GError **error)
{
        GError *why = NULL;
        json_auto_t *result = ask(t, io, method, NULL, t->child, &why);
        if (result)
                t->plug.dialect |= how;
        if (!why || g_error_matches(why, TB_ERROR, TB_ERROR_UNPROCESSABLE)) {
                g_clear_error(&why);
                return true;
        }
        g_propagate_error(error, why);
        return false;
}

static bool who(TbPlug *p, TbIo *io, char ret_id[TB_PLUG_ID], GError **error)
{
        json_auto_t *info = ask((Tapo *)p, io, "get_device_info", NULL, NULL, error);
        if (!info)
                return false;
        tb_http_device_name(&p->http, json_object_get(info, "model"));
        return tb_tapo_parse_id(info, ret_id) || tb_http_device_foreign(&p->http, "it names no MAC", error);
}

static bool identify(TbPlug *p, TbIo *io, char ret_id[TB_PLUG_ID], GError **error)
{
        Tapo *t = (Tapo *)p;
        g_clear_pointer(&t->child, g_free);
        if (!find_way(t, io, error) || !who(p, io, ret_id, error))
                return false;
        json_auto_t *parts = ask(t, io, "component_nego", NULL, NULL, error);
        if (!parts)
                return false;
        if (tb_tapo_has(parts, "control_child")) {
                p->dialect |= STRIP;
                if (!find_child(t, io, error))
                        return false;
        } else if (p->output > 0) {
                tb_set_error(
                        error, TB_ERROR_UNPROCESSABLE,
                        "the %s at %s has one output, and no %d (counted from 0): correct \"output\" of this "
                        "attachment",
                        p->http.what, p->http.where, p->output);
                return false;
        }
        int meter = p->dialect & STRIP ? NEW_METER : tb_tapo_has(parts, "energy_monitoring");
        return (meter < NEW_METER || measures(t, io, "get_emeter_data", METER, error)) &&
               (meter == 0 || p->dialect & METER || measures(t, io, "get_energy_usage", USAGE, error));
}

static bool read_state(TbPlug *p, TbIo *io, TbPlugState *ret, GError **error)
{
        Tapo *t = (Tapo *)p;
        json_auto_t *info = ask(t, io, "get_device_info", NULL, t->child, error);
        if (!info)
                return false;
        const char *method = p->dialect & METER   ? "get_emeter_data"
                             : p->dialect & USAGE ? "get_energy_usage"
                                                  : NULL;
        json_auto_t *measured = method ? ask(t, io, method, NULL, t->child, error) : NULL;
        return (measured || !method) && tb_tapo_parse(info, p->dialect & USAGE ? measured : NULL,
                                                      p->dialect & METER ? measured : NULL, ret, error);
}

static bool set_state(TbPlug *p, TbIo *io, bool on, GError **error)
{
        Tapo *t = (Tapo *)p;
        json_auto_t *answer =
                ask(t, io, "set_device_info", json_pack("{s:b}", "device_on", on), t->child, error);
        return answer != NULL;
}

static const TbParam params[] = {TB_PLUG_OUTPUT_PARAM, TB_KLAP_ACCOUNT_PARAMS, TB_HTTP_DEVICE_TIMEOUT_PARAM,
                                 TB_POLLED_PARAM,      TB_PLUG_INTERVAL_PARAM, TB_PARAM_END};

static const TbPlugModel model = {
        TB_PLUG_LANES_OF(Tapo), .what = "Tapo", .open = open_tapo,  .close = close_tapo,
        .identify = identify,   .who = who,     .read = read_state, .set = set_state,
};

static const TbLanProbe probes[] = {{TB_TAPO_FIND_PORT, 0, tb_tapo_find_ask, tb_tapo_find_answer},
                                    {0, 0, NULL, NULL}};

const TbDriver tb_driver_tapo = {
        .name = "tapo",
        .summary = "TP-Link Tapo plugs and strips, with the account of the app: power with measurements, and "
                   "sensors.",
        .example = "tapo://10.0.0.7?user=lab%40example.com&password=secret",
        .params = params,
        .check = tb_http_device_check,
        .lanes = model.lanes,
        .probes = probes,
};
