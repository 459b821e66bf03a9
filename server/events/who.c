/* Who asks: a worker, who has logged in here (/auth/dev/login), who is known to the server, or anybody where nobody needs a token. */
#include <math.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/http/auth.h"
#include "lib/limits.h"
#include "server/events/private.h"
#include "server/store/sql.h"

typedef struct Login {
        char *user; /* owned */
        gint64 expires_ms;
} Login;

static void login_free(gpointer p)
{
        Login *l = p;
        g_free(l->user);
        g_free(l);
}

static GBytes *hash_of(const char *token)
{
        guint8 hash[TB_SECRET_HASH];
        tb_secret_hash(token, hash);
        return g_bytes_new(hash, sizeof hash);
}

static void keep_login(TbEvents *events, GBytes *hash_take, const char *user, gint64 expires_ms)
{
        Login *login = g_new(Login, 1);
        *login = (Login){g_strdup(user), expires_ms};
        g_hash_table_replace(events->logins, hash_take, login);
}

void tb_event_logins_load(TbEvents *events, const TbDbResult *rows)
{
        if (!events->logins)
                events->logins = g_hash_table_new_full(g_bytes_hash, g_bytes_equal,
                                                       (GDestroyNotify)g_bytes_unref, login_free);
        for (guint i = 0; rows && i < tb_db_rows(rows); i++) {
                gsize size;
                const void *hash = tb_db_get_bytes(rows, i, 0, &size);
                keep_login(events, g_bytes_new(hash, size), tb_db_get_text(rows, i, 1),
                           tb_db_get_int(rows, i, 2));
        }
}

/* --- what is shown --- */
static char *bearer_of(TbRequest *request)
{
        const char *header = tb_request_header(request, "Authorization");
        if (header && g_ascii_strncasecmp(header, "Bearer ", 7) == 0 && header[7])
                return g_strstrip(g_strdup(header + 7));
        return header ? NULL : g_strdup(tb_request_query_string(request, "access_token"));
}

static bool is_worker(const TbEvents *events, const char *token)
{
        const char *wanted = events->options->worker_token;
        if (!wanted || !token)
                return false;
        guint8 a[TB_SECRET_HASH], b[TB_SECRET_HASH];
        tb_secret_hash(wanted, a);
        tb_secret_hash(token, b);
        return tb_secret_equal(a, b, sizeof a);
}

static char *refuse(GError **error, TbErrorCode code, const char *text)
{
        tb_set_error(error, code, "%s", text);
        return NULL;
}

/* Somebody whom the server knows: a token of the configuration, an account. */
static char *known(const TbCaller *caller, TbEventNeed need, GError **error)
{
        bool reads = need == TB_NEED_READ || need == TB_NEED_CLIP;
        if (caller->role < (reads ? TB_ROLE_VIEWER : TB_ROLE_OPERATOR))
                return refuse(error, TB_ERROR_FORBIDDEN, "this needs the role operator");
        return caller->role == TB_ROLE_ADMIN ? g_strdup("")
                                             : g_strconcat(TB_EVENT_OF_ACCOUNT, caller->user, NULL);
}

/* Without a token. */
static char *nobody(const TbEvents *events, const TbCaller *caller, GError **error)
{
        if (caller->by == TB_BY_OPEN && caller->role > TB_ROLE_NONE && !events->options->auth_required)
                return g_strdup("");
        return refuse(error, TB_ERROR_UNAUTHORIZED, "missing bearer token");
}

char *tb_events_reader(const TbEvents *events, const TbCaller *caller, GError **error)
{
        bool known_here = caller->by != TB_BY_NOBODY && caller->by != TB_BY_OPEN;
        return known_here ? known(caller, TB_NEED_READ, error) : nobody(events, caller, error);
}

char *tb_event_who(TbEvents *events, TbRequest *request, TbEventNeed need, GError **error)
{
        g_autofree char *token = bearer_of(request);
        const TbCaller *caller = tb_request_caller(request);
        bool worker = is_worker(events, token);
        if (!events->loaded)
                return refuse(error, TB_ERROR_UNAVAILABLE,
                              "the store is not read yet: ask again in a moment");
        if (worker && (need == TB_NEED_WORKER || need == TB_NEED_CLIP))
                return g_strdup("");
        if (need == TB_NEED_WORKER && events->options->worker_token)
                return refuse(error, TB_ERROR_UNAUTHORIZED, "invalid worker token");
        if (caller->by != TB_BY_NOBODY && caller->by != TB_BY_OPEN)
                return known(caller, need, error);
        if (token) {
                g_autoptr(GBytes) hash = hash_of(token);
                const Login *login = g_hash_table_lookup(events->logins, hash);
                if (!login)
                        return refuse(error, TB_ERROR_UNAUTHORIZED, "invalid auth token");
                if (login->expires_ms <= tb_clock_ms())
                        return refuse(error, TB_ERROR_UNAUTHORIZED, "expired auth token");
                return g_strdup(login->user);
        }
        return nobody(events, caller, error);
}

/* --- POST /auth/dev/login --- */
static gboolean is_over(gpointer key G_GNUC_UNUSED, gpointer value, gpointer now)
{
        return ((Login *)value)->expires_ms <= *(gint64 *)now;
}

static void on_login(TbAsk *ask, const TbDbResult *rows G_GNUC_UNUSED)
{
        const char *token = json_string_value(json_object_get(ask->kept, "access_token"));
        gint64 expires_ms = json_integer_value(json_object_get(ask->kept, "ms"));
        keep_login(ask->events, hash_of(token), ask->user, expires_ms);
        json_object_del(ask->kept, "ms");
        tb_ask_json(ask, 200, json_incref(ask->kept));
}

static void on_person(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                tb_ask_refuse(ask, TB_ERROR_UNAVAILABLE, "the login was not kept: ask again");
                return;
        }
        gint64 now_ms = tb_clock_ms(),
               expires_ms = now_ms + ask->events->options->token_ttl_s * G_GINT64_CONSTANT(1000);
        g_autofree char *token = tb_random_token(32);
        guint8 hash[TB_SECRET_HASH];
        tb_secret_hash(token, hash);
        g_free(ask->user);
        ask->user = g_strdup(tb_db_get_text(rows, 0, 0));
        ask->kept = json_pack("{s:s, s:s, s:s, s:o, s:I}", "access_token", token, "token_type", "bearer",
                              "user_id", ask->user, "expires_at", tb_event_time(expires_ms), "ms",
                              (json_int_t)expires_ms);
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_ev_login_add);
        tb_db_bytes(call, hash, sizeof hash);
        tb_db_text(call, ask->user);
        tb_db_int(call, now_ms);
        tb_db_int(call, expires_ms);
        tb_ask_run(ask, call, on_login);
}

static bool within_rate(TbEvents *events, TbRequest *request, GError **error)
{
        char net[TB_NET_KEY];
        double wait_s = 0;
        gint64 now_ms = tb_clock_ms();
        tb_net_share_key(tb_request_peer(request), net);
        bool ok = tb_rates_take(events->rates, net, 1, g_get_monotonic_time(), &wait_s);
        if (ok && g_hash_table_size(events->logins) >= TB_LIMIT_EVENT_LOGINS)
                g_hash_table_foreach_remove(events->logins, is_over, &now_ms);
        if (ok && g_hash_table_size(events->logins) < TB_LIMIT_EVENT_LOGINS)
                return true;
        g_autofree char *seconds = g_strdup_printf("%d", ok ? 60 : MAX(1, (int)ceil(wait_s)));
        tb_request_add_header(request, "Retry-After", seconds);
        tb_set_error(error, TB_ERROR_LIMIT, "rate limit exceeded");
        return false;
}

void tb_event_dev_login(TbRequest *request, gpointer data)
{
        TbEvents *events = data;
        const json_t *in = tb_request_json(request);
        const char *id = json_string_value(json_object_get(in, "user_id")),
                   *said = json_string_value(json_object_get(in, "email"));
        g_autofree char *email = g_strstrip(g_ascii_strdown(said ? said : "", -1)), *fresh = tb_uuid();
        g_autoptr(GError) error = NULL;
        if (!events->options->dev_login)
                tb_set_error(&error, TB_ERROR_NOT_FOUND, "not found");
        else if (!events->loaded)
                tb_set_error(&error, TB_ERROR_UNAVAILABLE,
                             "the store is not read yet: ask again in a moment");
        else if (id && g_str_has_prefix(id, TB_EVENT_OF_ACCOUNT))
                tb_error_set_field(&error, TB_ERROR_INVALID, "user_id",
                                   "user_id may not begin with " TB_EVENT_OF_ACCOUNT);
        if (error || !within_rate(events, request, &error)) {
                tb_http_decline(request, error);
                return;
        }
        TbAsk *ask = g_new0(TbAsk, 1);
        ask->events = events;
        ask->request = tb_request_ref(request);
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_ev_person_add);
        tb_db_text(call, id && *id ? id : fresh);
        tb_db_text(call, email);
        tb_db_int(call, tb_clock_ms());
        tb_db_statement(call, tb_sql_ev_person_find);
        tb_db_text(call, id && *id ? id : fresh);
        tb_db_text(call, email);
        tb_ask_run(ask, call, on_person);
}

static gboolean is_of(gpointer key G_GNUC_UNUSED, gpointer login, gpointer user)
{
        return strcmp(((const Login *)login)->user, user) == 0;
}

void tb_events_forget_logins(TbEvents *events, const char *user)
{
        if (events->logins)
                g_hash_table_foreach_remove(events->logins, is_of, (gpointer)user);
}
