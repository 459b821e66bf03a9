/* GET /api/audit: who saw and did what here; as a file, and whether it is what was written. */
#include "lib/error.h"
#include "lib/limits.h"
#include "server/accounts/audit.h"
#include "server/accounts/audit_private.h"
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

bool tb_audit_filter_of(TbRequest *request, TbAuditFilter *ret, GError **error)
{
        json_t *query = tb_request_query(request);
        g_autoptr(GError) why = NULL;
        *ret = (TbAuditFilter){.user = json_string_value(json_object_get(query, "user")),
                               .action = json_string_value(json_object_get(query, "action")),
                               .object = json_string_value(json_object_get(query, "object")),
                               .request = json_string_value(json_object_get(query, "request")),
                               .from_ms = time_of(query, "from", &why),
                               .to_ms = why ? 0 : time_of(query, "to", &why),
                               .before = json_integer_value(json_object_get(query, "before")),
                               .limit = (guint)json_integer_value(json_object_get(query, "limit"))};
        if (!why)
                return true;
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

static void read_audit(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        g_autoptr(GError) error = NULL;
        TbAuditFilter filter;
        Asked *asked = g_new0(Asked, 1);
        asked->request = tb_request_ref(request);
        if (tb_audit_filter_of(request, &filter, &error)) {
                asked->limit = filter.limit;
                if (tb_audit_read(server->audit, &filter, on_rows, asked, &error))
                        return;
        }
        tb_request_reply_error(request, error);
        tb_request_unref(asked->request);
        g_free(asked);
}

#define TEXT(name_, help_)                                                                                   \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_STRING, .min = 1, .max = 2 * TB_LIMIT_ID + 1, .help = help_  \
        }
/* clang-format off */
#define FILTER                                                                                               \
        TEXT("user", "whose"),                                                                               \
        TEXT("action", "that begin so: \"login\", \"users.\", \"PUT /host/devices/\""),                      \
        TEXT("object", "at that: \"lab-1/board\", \"anna\""),                                                \
        TEXT("request", "by that request id: the host's own audit trail bears it, too"),                     \
        TEXT("from", "since then (RFC 3339)"),                                                               \
        TEXT("to", "before then (RFC 3339)")
/* clang-format on */
static const TbParam audit_params[] = {
        FILTER,
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

static const char *const formats[] = {"jsonl", "csv", NULL};
static const TbParam export_params[] = {
        FILTER,
        {.name = "format",
         .type = TB_PARAM_ENUM,
         .choices = formats,
         .help = "for who cannot say Accept: a link on a page"},
        TB_PARAM_END,
};
static const TbParam check_params[] = {
        {.name = "head",
         .type = TB_PARAM_STRING,
         .min = 64,
         .max = 64,
         .help = "a hash that was noted elsewhere (the log says one at each start): it must be in the chain, "
                 "too"},
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
        {.method = "GET",
         .path = "/api/audit/export",
         .role = TB_ROLE_ADMIN,
         .query = export_params,
         .handler = tb_server_export_audit,
         .tag = "accounts",
         .summary = "The whole audit log, the oldest first, with the hashes of its chain: JSON lines, or a "
                    "table "
                    "(Accept: text/csv)",
         .answers = "200 application/x-ndjson; 200 text/csv; 400; 409; 503"},
        {.method = "GET",
         .path = "/api/audit/check",
         .role = TB_ROLE_ADMIN,
         .query = check_params,
         .handler = tb_server_check_audit,
         .tag = "accounts",
         .summary = "Whether the audit log is what was written: what was changed, put in or taken out",
         .answers = "200 application/json; 400; 409; 503"},
        {.method = NULL},
};
