/* The verbs that need nothing special: parameters in, JSON out. Route, checks and OpenAPI come from core's
 * table. */
#include <string.h>

#include "host/api/csv.h"
#include "host/api/private.h"

/* What the path names joins what the query or the body gave. */
static json_t *params_of(TbRequest *request, const TbVerb *verb)
{
        json_t *given = tb_request_json(request) ? tb_request_json(request) : tb_request_query(request);
        if (!verb->params) /* of any shape: core checks it */
                return given ? json_incref(given) : json_object();
        json_t *params = given ? json_copy(given) : json_object();
        for (const TbParam *p = verb->params; p->name; p++) {
                g_autofree char *segment = g_strdup_printf("{%s}", p->name);
                const char *value = strstr(verb->path, segment) ? tb_request_arg(request, p->name) : NULL;
                if (value)
                        json_object_set_new(params, p->name, json_string(value));
        }
        return params;
}

/* Of the device itself: the query is nobody's. */
static void run_device_verb(TbApi *api, TbRequest *request, TbInterface *iface G_GNUC_UNUSED,
                            const TbVerb *verb)
{
        g_autofree char *text = g_strdup_printf("%s.%s", verb->noun, verb->op);
        tb_api_run(api, request,
                   &(TbApiRun){.device = tb_request_arg(request, "id"),
                               .verb = text,
                               .params = tb_request_json(request),
                               /* what was ordered and is not done yet */
                               .status = g_str_has_prefix(verb->answers, "202") ? 202 : 0});
}

static void reply_csv(TbRequest *request, json_t *result, gpointer data G_GNUC_UNUSED)
{
        g_autofree char *text = tb_csv_of_history(result);
        tb_request_add_header(request, "Vary", "Accept");
        tb_request_reply_text(request, 200, "text/csv; charset=utf-8", text);
}

/* Who asks for a table, and not for JSON as well. */
static bool wants_csv(TbRequest *request, const TbVerb *verb)
{
        const char *accept = tb_request_header(request, "Accept");
        return verb->kind == TB_KIND_SENSORS && strcmp(verb->op, "history") == 0 && accept &&
               strstr(accept, "text/csv") && !strstr(accept, "application/json");
}

static void run_verb(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb)
{
        json_auto_t *params = params_of(request, verb);
        g_autofree char *text = g_strdup_printf("%s.%s", tb_interface_name(iface), verb->op);
        tb_api_run(api, request,
                   &(TbApiRun){
                           .device = tb_device_id(tb_interface_device(iface)),
                           .verb = text,
                           .params = params,
                           .reply = wants_csv(request, verb) ? reply_csv : NULL,
                           .finishes = verb->kind == TB_KIND_POWER || verb->kind == TB_KIND_INPUT,
                   });
}

void tb_api_add_verbs(TbApi *api)
{
        for (const TbVerb *verb = tb_core_verbs(); verb->op; verb++) {
                if (verb->http != TB_VERB_PLAIN || !verb->method)
                        continue;
                bool in_query = strcmp(verb->method, "GET") == 0 || strcmp(verb->method, "DELETE") == 0;
                tb_api_add_verb_route(api, verb,
                                      in_query       ? TB_BODY_NONE
                                      : verb->params ? TB_BODY_JSON
                                                     : TB_BODY_JSON_ANY,
                                      verb->noun ? run_device_verb : run_verb);
        }
}
