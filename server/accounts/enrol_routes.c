/* GET, POST /api/enrol and DELETE /api/enrol/{id}: hosts elsewhere join by one command. */
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/net.h"
#include "lib/server_limits.h"
#include "lib/tls.h"
#include "lib/tls_local.h"
#include "server/server_private.h"

#define IMAGE "testbed-host"
#define JOIN_FILE "/etc/testbed/join.env" /* the unit reads it, mk/install/testbed-host.service */
#define CA_FILE "/etc/testbed/server-ca.crt"

/* An answer that waits until what it says is written. */
typedef struct Waiting {
        TbServer *server;   /* borrowed */
        TbRequest *request; /* ref */
        json_t *answer;     /* owned; NULL: of a revocation */
} Waiting;

static void when_written(TbRequest *request, TbServer *server, json_t *answer_take,
                         void (*done)(bool written, gpointer data))
{
        Waiting *w = g_new0(Waiting, 1);
        w->server = server;
        w->request = tb_request_ref(request);
        w->answer = answer_take;
        tb_persist_when_written(server->persist, done, w);
}

static void waiting_free(Waiting *w)
{
        tb_request_unref(w->request);
        g_free(w);
}

/* --- what is shown --- */
static void put_time(json_t *o, const char *key, gint64 ms)
{
        g_autofree char *text = ms ? tb_clock_rfc3339(ms) : NULL;
        json_object_set_new(o, key, text ? json_string(text) : json_null());
}

static json_t *about(const TbServer *server, const TbEnrolment *e)
{
        const char *state = e->key                                   ? "joined"
                            : tb_enrolment_expired(e, tb_clock_ms()) ? "expired"
                                                                     : "waiting";
        json_t *o = json_pack("{s:s, s:s?, s:s, s:s?, s:b}", "id", e->id, "name", e->name, "state", state,
                              "host", e->host, "online", tb_pairing_enrolled(server->pairing, e->id));
        put_time(o, "createdAt", e->created_ms);
        put_time(o, "expiresAt",
                 e->key ? 0 : e->expires_ms); /* one that is somebody's does not end by itself */
        put_time(o, "firstSeen", e->first_ms);
        put_time(o, "lastSeen", e->last_ms);
        return o;
}

/* As a line of a file that systemd reads (systemd.exec(5), EnvironmentFile=). */
static void add_variable(GString *lines, const char *name, const char *value)
{
        if (!value)
                return;
        g_string_append_printf(lines, "%s=\"", name);
        for (const char *c = value; *c; c++)
                g_string_append_printf(lines, strchr("\"\\`$", *c) ? "\\%c" : "%c", *c);
        g_string_append(lines, "\"\n");
}

/* The host listens on its own machine alone: whoever wants something of it comes by the server. Each may be given again: what was
 * said before is replaced. `ca`: the authority of our own certificate, which comes along; NULL: systems know it. */
static json_t *commands(const char *url, const char *token, const char *name, GBytes *ca)
{
        g_autofree char *server = g_shell_quote(url);
        g_autofree char *pem = ca ? g_strndup(g_bytes_get_data(ca, NULL), g_bytes_get_size(ca)) : NULL;
        g_autofree char *quoted = pem ? g_shell_quote(g_strchomp(pem)) : NULL;
        g_autofree char *brings =
                pem ? g_strdup_printf("printf '%%s\\n' %s | sudo install -D -m 644 /dev/stdin " CA_FILE
                                      " && ",
                                      quoted)
                    : g_strdup("");
        g_autofree char *docker = g_strdup_printf(
                "%s{ docker rm --force testbed-host || true; } >/dev/null 2>&1 && docker run -d --name "
                "testbed-host "
                "--restart unless-stopped --network host -v testbed:/var/lib/testbed%s -e "
                "HOST_ADDRESS=127.0.0.1 -e SERVER_URL=%s -e SERVER_TOKEN=%s%s%s%s " IMAGE,
                brings, pem ? " -v " CA_FILE ":" CA_FILE ":ro" : "", server, token,
                pem ? " -e SERVER_CA=" CA_FILE : "", name ? " -e HOST_NAME=" : "", name ? name : "");
        g_autoptr(GString) lines = g_string_new(NULL);
        add_variable(lines, "SERVER_URL", url);
        add_variable(lines, "SERVER_TOKEN", token);
        add_variable(lines, "SERVER_CA", pem ? CA_FILE : NULL);
        add_variable(lines, "HOST_NAME", name);
        g_string_truncate(lines, lines->len - 1); /* printf ends it */
        g_autofree char *text = g_shell_quote(lines->str),
                        *systemd = g_strdup_printf(
                                "%sprintf '%%s\\n' %s | sudo install -m 600 /dev/stdin " JOIN_FILE
                                " && sudo systemctl restart testbed-host",
                                brings, text);
        return json_pack("{s:s, s:s}", "docker", docker, "systemd", systemd);
}

/* What may keep the command from working elsewhere. */
static json_t *notes(const TbServer *server, const char *url)
{
        json_t *out = json_array();
        g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
        if (uri && tb_address_is_loopback(g_uri_get_host(uri)))
                json_array_append_new(out,
                                      json_string("This address is good on this machine alone: open this "
                                                  "page by the name that the host "
                                                  "will reach, or give the server its url (SERVER_URL)."));
        if (server->config->tls && !server->config->local_tls && tb_tls_is_private(server->config->tls))
                json_array_append_new(
                        out,
                        json_string(
                                "This server's certificate is signed by nobody whom systems trust: bring the "
                                "signer's "
                                "certificate to the host, and name it there (SERVER_CA, or server: {ca})."));
        return out;
}

/* --- routes --- */
static void on_made(bool written G_GNUC_UNUSED, gpointer data)
{
        Waiting *w = data; /* not written: as with sessions, it exists, and /health says what is wrong */
        tb_request_add_header(w->request, "Cache-Control", "no-store");
        tb_request_reply_json(w->request, 201, w->answer);
        waiting_free(w);
}

static void enrol(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        json_t *in = tb_request_json(request);
        const char *name = json_string_value(json_object_get(in, "name"));
        gint64 ttl_ms = json_integer_value(json_object_get(in, "ttl_s")) * G_GINT64_CONSTANT(1000);
        g_autofree char *token = NULL;
        g_autoptr(GError) error = NULL;
        const TbEnrolment *e = NULL;
        if (name && !tb_name_valid(TB_NAME_HOST, name))
                tb_error_set_field(&error, TB_ERROR_INVALID, "name", "name must be %s",
                                   tb_name_rule(TB_NAME_HOST));
        else
                e = tb_enrolments_add(tb_persist_enrolments(server->persist), name, ttl_ms, tb_clock_ms(),
                                      &token, &error);
        if (!e) {
                tb_request_reply_error(request, error);
                return;
        }
        tb_log(TB_LOG_INFO,
               TB_F("enrolment", e->id, "user", tb_request_user(request), "request", tb_request_id(request)),
               "a token for a host was made");
        json_t *o = about(server, e);
        json_object_set_new(o, "token", json_string(token));
        const char *url = tb_server_base_url(request, server);
        g_autoptr(GBytes) ca =
                server->config->local_tls ? tb_tls_local_authority(server->config->state_dir) : NULL;
        json_object_set_new(o, "commands", commands(url, token, name, ca));
        json_object_set_new(o, "notes", notes(server, url));
        when_written(request, server, o, on_made);
}

static void list(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        g_autoptr(GPtrArray) all = tb_enrolments_list(tb_persist_enrolments(server->persist));
        json_t *out = json_array();
        for (guint i = 0; i < all->len; i++)
                json_array_append_new(out, about(server, g_ptr_array_index(all, i)));
        tb_request_reply_tagged(request, out);
}

static void on_revoked(bool written, gpointer data)
{
        Waiting *w = data;
        g_autoptr(GError) error = NULL;
        if (written) {
                tb_request_reply_empty(w->request, 204);
        } else {
                const char *why = tb_persist_trouble(w->server->persist);
                tb_set_error(
                        &error, TB_ERROR_UNAVAILABLE,
                        "the token is revoked and its host sent away, but that is not written yet, and tried "
                        "again: a restart before would let the host in again%s%s",
                        why ? "; " : "", why ? why : "");
                tb_request_reply_error(w->request, error);
        }
        waiting_free(w);
}

static void revoke_one(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        const char *id = tb_request_arg(request, "id");
        g_autoptr(GError) error = NULL;
        if (!tb_pairing_revoke(server->pairing, id)) {
                tb_set_error(&error, TB_ERROR_NOT_FOUND, "there is no such enrolment");
                tb_request_reply_error(request, error);
                return;
        }
        tb_log(TB_LOG_INFO,
               TB_F("enrolment", id, "user", tb_request_user(request), "request", tb_request_id(request)),
               "the token of a host was revoked");
        when_written(request, server, NULL, on_revoked);
}

static TbParam enrol_params[] = {
        {.name = "name",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_ID,
         .help = "the one name that the host may have; default: its own"},
        {.name = "ttl_s",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = TB_LIMIT_ENROL_TTL_S,
         .fallback = G_STRINGIFY(TB_LIMIT_ENROL_TTL_DEFAULT_S),
         .unit = "s",
         .help = "until then a host must have come by it"},
        TB_PARAM_END,
};

void tb_server_enrol_limits(void)
{
        for (TbParam *p = enrol_params; p->name; p++)
                if (strcmp(p->name, "ttl_s") == 0)
                        p->max = tb_server_limits.enrol_ttl_s;
}

const TbRoute tb_server_enrol_routes[] = {
        {.method = "POST",
         .path = "/api/enrol",
         .role = TB_ROLE_ADMIN,
         .body = TB_BODY_JSON,
         .json = enrol_params,
         .max_body = 16 * 1024,
         .handler = enrol,
         .tag = "hosts",
         .summary = "A token for one host elsewhere, shown here alone, and the commands by which that host "
                    "joins",
         .answers = "201 application/json Enrolment; 400; 401; 403; 429"},
        {.method = "GET",
         .path = "/api/enrol",
         .role = TB_ROLE_ADMIN,
         .handler = list,
         .tag = "hosts",
         .summary = "Enrolments: waiting, joined (by which host, seen when), expired",
         .answers = "200 application/json EnrolmentList; 401; 403"},
        {.method = "DELETE",
         .path = "/api/enrol/{id}",
         .role = TB_ROLE_ADMIN,
         .handler = revoke_one,
         .tag = "hosts",
         .summary = "Revoke a host's token: the host is sent away and does not come back",
         .answers = "204; 401; 403; 404; 503"},
        {.method = NULL},
};
