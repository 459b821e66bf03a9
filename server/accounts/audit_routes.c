/* GET /api/audit: who saw and did what here. */
#include "lib/error.h"
#include "lib/limits.h"
#include "server/accounts/audit.h"
#include "server/server_private.h"

typedef struct Asked {
        TbRequest *request; /* ref */
        guint limit;
} Asked;

static void on_rows(json_t *rows, const GError *why, gpointer data)
{
        g_autofree Asked *asked = data;
        if (rows) {
                gsize n = json_array_size(rows);
                json_t *last = json_object_get(json_array_get(rows, n ? n - 1 : 0), "id");
                tb_request_add_header(asked->request, "Cache-Control", "no-store");
                tb_request_reply_json(asked->request, 200,
                                      json_pack("{s:O, s:o}", "rows", rows, "next",
                                                last && n == asked->limit ? json_incref(last) : json_null()));
        } else {
                tb_request_reply_error(asked->request, why);
        }
        tb_request_unref(asked->request);
}

static gint64 time_of(json_t *query, const char *name, GError **error)
{
        const char *text = json_string_value(json_object_get(query, name));
        g_autoptr(GDateTime) time = text ? g_date_time_new_from_iso8601(text, NULL) : NULL;
        if (text && !time)
                tb_error_set_field(error, TB_ERROR_INVALID, name,
                                   "%s must be a time like 2026-01-31T08:00:00Z", name);
        return time ? g_date_time_to_unix(time) * 1000 + g_date_time_get_microsecond(time) / 1000 : 0;
}

static void read_audit(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        json_t *query = tb_request_query(request);
        g_autoptr(GError) error = NULL;
        const TbAuditFilter filter = {.user = json_string_value(json_object_get(query, "user")),
                                      .action = json_string_value(json_object_get(query, "action")),
                                      .object = json_string_value(json_object_get(query, "object")),
                                      .request = json_string_value(json_object_get(query, "request")),
                                      .from_ms = time_of(query, "from", &error),
                                      .to_ms = error ? 0 : time_of(query, "to", &error),
                                      .before = json_integer_value(json_object_get(query, "before")),
                                      .limit = (guint)json_integer_value(json_object_get(query, "limit"))};
        Asked *asked = g_new0(Asked, 1);
        asked->request = tb_request_ref(request);
        asked->limit = filter.limit;
        if (!error && tb_audit_read(server->audit, &filter, on_rows, asked, &error))
                return;
        tb_request_reply_error(request, error);
        tb_request_unref(asked->request);
        g_free(asked);
}

#define TEXT(name_, help_)                                                                                   \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_STRING, .min = 1, .max = 2 * TB_LIMIT_ID + 1, .help = help_  \
        }
static const TbParam audit_params[] = {
        TEXT("user", "whose"),
        TEXT("action", "that begin so: \"login\", \"users.\", \"PUT /host/devices/\""),
        TEXT("object", "at that: \"lab-1/board\", \"anna\""),
        TEXT("request", "by that request id: the host's own audit trail bears it, too"),
        TEXT("from", "since then (RFC 3339)"),
        TEXT("to", "before then (RFC 3339)"),
        {.name = "before",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 9007199254740991,
         .help = "cursor: `next` of the page before"},
        {.name = "limit",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = TB_LIMIT_SERVER_AUDIT_PAGE,
         .fallback = "100",
         .help = "rows of one answer"},
        TB_PARAM_END,
};

const TbRoute tb_server_audit_routes[] = {
        {.method = "GET",
         .path = "/api/audit",
         .role = TB_ROLE_ADMIN,
         .query = audit_params,
         .handler = read_audit,
         .tag = "accounts",
         .summary = "Who saw and did what here, the newest first; `next` is the cursor of the page after",
         .answers = "200 application/json; 400; 503"},
        {.method = NULL},
};
