/* TP-Link's Kasa plugs and strips, in the local network: by the protocol of their own, or, where newer firmware has closed that,
 * by KLAP. */
#include <string.h>

#include "drivers/kasa/kasa_proto.h"
#include "drivers/transport/klap_session.h"
#include "drivers/transport/transport.h"
#include "lib/json.h"
#include "lib/limits.h"

enum { UNKNOWN, BARE, METERED }; /* TbPlug.dialect */

typedef struct Kasa {
        TbPlug plug;
        bool by_klap;
        TbKlapAccount account;
        TbKlapSession klap;
        char *child; /* owned; of a strip: the outlet's own id */
} Kasa;

static bool open_kasa(TbPlug *p, TbIo *io G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
        Kasa *k = (Kasa *)p;
        const char *protocol = json_string_value(json_object_get(p->base.params, "protocol"));
        k->by_klap = strcmp(protocol, "klap") == 0;
        if (k->by_klap)
                tb_http_device_init(&p->http, &p->base, "Kasa", NULL, 0);
        k->account = tb_klap_session_account(&p->http);
        return true;
}

static void close_kasa(TbPlug *p)
{
        Kasa *k = (Kasa *)p;
        tb_klap_session_end(&k->klap);
        g_clear_pointer(&k->child, g_free);
}

/* One connection for one question: some firmware answers only the first. */
static json_t *exchange(TbPlug *p, TbIo *io, const GByteArray *frame, GError **error)
{
        const TbUri *uri = p->base.uri;
        int limit_ms = p->http.timeout_ms;
        guint8 head[TB_KASA_HEAD];
        g_autoptr(TbTransport) link = tb_transport_tcp(
                io, uri->host, (guint16)(uri->port > 0 ? uri->port : TB_KASA_PORT), limit_ms, error);
        if (!link || !tb_transport_write(link, io, frame->data, frame->len, limit_ms, error) ||
            !tb_transport_read_exact(link, io, head, sizeof head, limit_ms, error))
                return NULL;
        gsize size = tb_kasa_length(head);
        if (size > TB_LIMIT_DEVICE_ANSWER) {
                tb_http_device_foreign(&p->http, "its answer is longer than any of theirs", error);
                return NULL;
        }
        g_autofree guint8 *text = g_malloc(size + 1);
        if (!tb_transport_read_exact(link, io, text, size, limit_ms, error))
                return NULL;
        tb_kasa_reveal(text, size);
        json_t *json = tb_json_parse((const char *)text, size, NULL);
        if (!json_is_object(json)) {
                json_decref(json);
                tb_http_device_foreign(&p->http, "its answer is no JSON object", error);
                return NULL;
        }
        return json;
}

static json_t *ask_plain(TbPlug *p, TbIo *io, const json_t *request, GError **error)
{
        g_autofree char *text = tb_json_text(request, NULL);
        g_autoptr(GByteArray) frame = tb_kasa_frame(text);
        for (int attempt = 0;; attempt++) {
                g_autoptr(GError) why = NULL;
                json_t *answer = exchange(p, io, frame, &why);
                if (answer)
                        return answer;
                if (!tb_http_device_again(io, why, attempt)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return NULL;
                }
        }
}

/* What it says to one command; new reference. */
static json_t *ask(TbPlug *p, TbIo *io, const char *module, const char *command, json_t *args_take,
                   const char *child, GError **error)
{
        Kasa *k = (Kasa *)p;
        json_auto_t *request = tb_kasa_request(module, command, args_take, child),
                    *answer = k->by_klap ? tb_klap_session_ask(&k->klap, &p->http, &k->account, io, request,
                                                               error)
                                         : ask_plain(p, io, request, error);
        return answer ? json_incref(tb_kasa_answer(answer, module, command, error)) : NULL;
}

static json_t *info_of(TbPlug *p, TbIo *io, GError **error)
{
        return ask(p, io, "system", "get_sysinfo", json_object(), NULL, error);
}

static bool take_info(TbPlug *p, const json_t *info, char ret_id[TB_PLUG_ID], GError **error)
{
        Kasa *k = (Kasa *)p;
        g_free(k->child);
        k->child = tb_kasa_child(info, p->output);
        return tb_kasa_parse_id(info, ret_id) || tb_http_device_foreign(&p->http, "it names no MAC", error);
}

static bool who(TbPlug *p, TbIo *io, char ret_id[TB_PLUG_ID], GError **error)
{
        json_auto_t *info = info_of(p, io, error);
        return info && take_info(p, info, ret_id, error);
}

static bool identify(TbPlug *p, TbIo *io, char ret_id[TB_PLUG_ID], GError **error)
{
        GError *why = NULL;
        json_auto_t *info = info_of(p, io, &why);
        if (!info) {
                if (!((Kasa *)p)->by_klap && !g_error_matches(why, TB_ERROR, TB_ERROR_INTERRUPTED))
                        tb_error_suffix(&why, "; newer firmware has closed this way: protocol=klap, with the "
                                              "account of its app");
                g_propagate_error(error, why);
                return false;
        }
        if (!take_info(p, info, ret_id, error))
                return false;
        tb_http_device_name(&p->http, json_object_get(info, "model"));
        p->dialect = tb_kasa_measures(info) ? METERED : BARE;
        return true;
}

static bool read_state(TbPlug *p, TbIo *io, TbPlugState *ret, GError **error)
{
        json_auto_t *info = info_of(p, io, error);
        if (!info)
                return false;
        json_auto_t *meter = p->dialect == METERED ? ask(p, io, "emeter", "get_realtime", json_object(),
                                                         ((Kasa *)p)->child, error)
                                                   : NULL;
        return (meter || p->dialect != METERED) && tb_kasa_parse(info, meter, p->output, ret, error);
}

static bool set_state(TbPlug *p, TbIo *io, bool on, GError **error)
{
        json_auto_t *answer = ask(p, io, "system", "set_relay_state", json_pack("{s:i}", "state", on),
                                  ((Kasa *)p)->child, error);
        return answer != NULL;
}

static const TbParam params[] = {
        TB_PLUG_OUTPUT_PARAM,
        {.name = "protocol",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("xor", "klap"),
         .fallback = "\"xor\"",
         .help = "klap: firmware that has closed port 9999; with the user and password of the app"},
        TB_KLAP_ACCOUNT_PARAMS,
        TB_HTTP_DEVICE_TIMEOUT_PARAM,
        TB_POLLED_PARAM,
        TB_PLUG_INTERVAL_PARAM,
        TB_PARAM_END};

static const TbPlugModel model = {
        TB_PLUG_LANES_OF(Kasa), .what = "Kasa", .open = open_kasa,  .close = close_kasa, .port = TB_KASA_PORT,
        .identify = identify,   .who = who,     .read = read_state, .set = set_state,
};

static const TbLanProbe probes[] = {{TB_KASA_PORT, 0, tb_kasa_probe, tb_kasa_found}, {0, 0, NULL, NULL}};

const TbDriver tb_driver_kasa = {
        .name = "kasa",
        .summary = "TP-Link Kasa plugs and strips: power of each outlet with measurements, and sensors.",
        .example = "kasa://10.0.0.9?output=0",
        .params = params,
        .check = tb_http_device_check,
        .lanes = model.lanes,
        .probes = probes,
};
