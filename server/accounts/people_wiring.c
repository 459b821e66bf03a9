/* Where accounts touch the rest of the server: answers that wait for the store, what ends when somebody may less, the audit log's
 * view of every answer. */
#include "server/accounts/people_private.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/http/route.h"
#include "lib/log.h"
#include "lib/name.h"
#include "server/accounts/audit.h"
#include "server/accounts/audit_verify.h"
#include "server/accounts/reach.h"

/* --- answers --- */
typedef struct Waiting {
        TbRequest *request; /* ref */
        int status;
        json_t *answer; /* owned; NULL: none */
} Waiting;

static void on_written(bool written G_GNUC_UNUSED, gpointer data)
{
        Waiting *w = data; /* not written: as with sessions, it holds, and /health says what is wrong */
        if (w->answer)
                tb_request_reply_json(w->request, w->status, w->answer);
        else
                tb_request_reply_empty(w->request, w->status);
        tb_request_unref(w->request);
        g_free(w);
}

void tb_server_when_written(TbRequest *request, TbServer *server, int status, json_t *answer_take)
{
        Waiting *w = g_new0(Waiting, 1);
        w->request = tb_request_ref(request);
        w->status = status;
        w->answer = answer_take;
        tb_persist_when_written(server->persist, on_written, w);
}

json_t *tb_server_about_caller(TbServer *server, const TbCaller *caller)
{
        static const char *const ways[] = {"", "open", "token", "page", "token", "signed"};
        const TbUser *user = tb_accounts_user(tb_people_store(server->people), caller->user);
        json_t *o = json_pack("{s:s, s:s, s:b, s:s, s:b, s:b}", "user", caller->user, "role",
                              tb_role_name(caller->role), "named", caller->by > TB_BY_OPEN, "by",
                              ways[caller->by], "account", user != NULL, "everywhere",
                              !caller->grants || caller->role >= TB_ROLE_ADMIN);
        json_t *groups = json_array();
        for (char **g = user ? user->groups : NULL; g && *g; g++)
                json_array_append_new(groups, json_string(*g));
        json_object_set_new(o, "groups", groups);
        if (user)
                json_object_update_new(o, json_pack("{s:b, s:b}", "hasPassword", user->password != NULL,
                                                    "connected", user->identity != NULL));
        return o;
}

static void on_login_gone(const char *id, gpointer data)
{
        const TbServer *server = data;
        if (server->http)
                tb_http_end_login(server->http, id);
}

bool tb_server_begin_people(TbServer *server, GError **error)
{
        const TbServerConfig *config = server->config;
        server->people = tb_people_new(&(TbPeopleOptions){.store = tb_persist_accounts(server->persist),
                                                          .tokens = config->auth,
                                                          .jwt_secret = config->jwt_secret,
                                                          .has_provider = config->oidc.issuer != NULL,
                                                          .state_dir = config->state_dir});
        tb_accounts_on_login_gone(tb_persist_accounts(server->persist), on_login_gone, server);
        server->guesses = tb_guesses_new();
        server->audit = tb_audit_new(tb_persist_db(server->persist));
        tb_metrics_collector(server->metrics, tb_audit_metrics, server->audit);
        server->oidc = config->oidc.issuer ? tb_oidc_new(&config->oidc) : NULL;
        server->hasher = tb_hasher_new(error);
        return server->hasher != NULL;
}

/* --- the first one --- */
static void make_first(TbAccounts *store, const char *password)
{
        g_autofree char *text = tb_password_hash_now(password);
        gint64 now_ms = tb_clock_ms();
        TbUser admin = {.name = (char *)"admin",
                        .password = text,
                        .role = TB_ROLE_ADMIN,
                        .created_ms = now_ms,
                        .password_ms = now_ms};
        if (!text)
                return;
        tb_accounts_put_user(store, &admin);
        tb_log(TB_LOG_INFO, TB_F("user", "admin"), "the first account was made of TESTBED_ADMIN_PASSWORD");
}

void tb_server_look_for_accounts(TbServer *server)
{
        const TbServerConfig *config = server->config;
        TbAccounts *store = tb_persist_accounts(server->persist);
        if (tb_accounts_users(store) > 0 && tb_auth_is_open(config->auth))
                tb_people_close(server->people); /* a command added one */
        if (server->looked_for_accounts || !tb_persist_is_loaded(server->persist))
                return;
        server->looked_for_accounts = true;
        tb_audit_tell_head(server->audit);
        if (tb_accounts_users(store) == 0 && config->admin_password)
                make_first(store, config->admin_password);
        if (tb_accounts_users(store) > 0)
                tb_people_close(server->people);
        else if (config->had_accounts)
                tb_log(TB_LOG_WARNING, TB_F(),
                       "there were accounts here, and the store knows none: nobody is let in without a "
                       "token; "
                       "testbed-server --add-user NAME --role admin makes one");
}

/* --- what ends --- */
typedef struct Narrowed {
        TbServer *server;
        const char *user;
        TbCaller now;
        bool gone;
} Narrowed;

static bool ends(const char *maker, const char *host, const char *device, TbMode mode, gpointer data)
{
        const Narrowed *n = data;
        TbRole least = mode == TB_MODE_CONTROL ? TB_ROLE_OPERATOR : TB_ROLE_VIEWER;
        return strcmp(maker, n->user) == 0 &&
               (n->gone || (host && tb_caller_role(&n->now, host, device) < least));
}

void tb_server_narrowed(TbServer *server, const char *name)
{
        const TbUser *user = tb_accounts_user(tb_people_store(server->people), name);
        Narrowed n = {.server = server, .user = name, .gone = !user};
        if (user)
                tb_people_caller(server->people, user, TB_BY_NOBODY, NULL, &n.now);
        tb_http_end_user(server->http, name,
                         n.gone ? "the account was removed"
                                : "what this account may has changed: connect again");
        tb_pairing_end_those(server->pairing, ends, &n);
        tb_server_rights_changed(server, name);
        tb_caller_clear(&n.now);
}

typedef struct Place {
        const char *host, *device; /* borrowed */
} Place;

static TbRole role_at(TbRole role, TbGrants *grants, gpointer data)
{
        const Place *place = data;
        return tb_grants_role(grants, role, place->host, place->device);
}

static bool lost(const char *maker, const char *host, const char *device, TbMode mode, gpointer data)
{
        const TbServer *server = data;
        Place place = {host, device};
        return host && tb_auth_names(server->config->auth, maker) &&
               tb_auth_most(server->config->auth, maker, role_at, &place) <
                       (mode == TB_MODE_CONTROL ? TB_ROLE_OPERATOR : TB_ROLE_VIEWER);
}

void tb_server_tokens_changed(TbServer *server)
{
        tb_pairing_end_those(server->pairing, lost, server);
}

typedef struct Taken {
        TbServer *server;
        const TbGrants *before, *after; /* borrowed */
} Taken;

/* A link of who has no account: of which groups he is, his signature said when he made it, and nobody knows now. What a group has
 * lost is lost for all of those; who still may makes another one. */
static bool is_taken(const char *maker, const char *host, const char *device, TbMode mode, gpointer data)
{
        const Taken *t = data;
        const TbServer *server = t->server;
        TbRole least = mode == TB_MODE_CONTROL ? TB_ROLE_OPERATOR : TB_ROLE_VIEWER;
        return host && !tb_accounts_user(tb_people_store(server->people), maker) &&
               !tb_auth_names(server->config->auth, maker) &&
               tb_grants_role(t->before, TB_ROLE_OPERATOR, host, device) >= least &&
               tb_grants_role(t->after, TB_ROLE_OPERATOR, host, device) < least;
}

void tb_server_group_changed(TbServer *server, const TbGrants *before, const TbGrants *after)
{
        Taken t = {server, before, after};
        tb_http_end_signed(server->http);
        if (server->config->jwt_secret)
                tb_pairing_end_those(server->pairing, is_taken, &t);
}

/* --- the audit log --- */
#define SAW_S 600    /* who watches a device is noted so often */
#define CARRIED_S 10 /* the same command of the same person */
#define REFUSED_S 60 /* what was refused comes at its sender's rate */

static const struct {
        const char *method, *path, *action, *object; /* object: a field of the body or the path, NULL: none */
} known[] = {
        {"POST", "/api/login", "login", "name"},
        {"POST", "/api/logout", "logout", NULL},
        {"POST", "/api/token", "login.program", "name"},
        {"PUT", "/api/me/password", "password.change", NULL},
        {"POST", "/api/me/sessions", "token.make", "about"},
        {"DELETE", "/api/me/sessions", "sessions.end", NULL},
        {"DELETE", "/api/me/sessions/{id}", "sessions.end", "id"},
        {"POST", "/api/users", "users.add", "name"},
        {"PATCH", "/api/users/{name}", "users.change", "name"},
        {"DELETE", "/api/users/{name}", "users.remove", "name"},
        {"POST", "/api/users/{name}/sessions", "token.make", "name"},
        {"DELETE", "/api/users/{name}/sessions/{id}", "sessions.end", "name"},
        {"POST", "/api/groups", "groups.set", "name"},
        {"DELETE", "/api/groups/{name}", "groups.remove", "name"},
        {"POST", "/api/enrol", "enrol.make", "name"},
        {"DELETE", "/api/enrol/{id}", "enrol.revoke", "id"},
        {"DELETE", "/api/hosts/{host}", "hosts.forget", "host"},
        {"POST", "/api/session", "link.make", "device"},
        {"PATCH", "/api/session/{id}", "link.change", "id"},
        {"DELETE", "/api/session/{id}", "link.end", "id"},
        {"POST", "/webrtc/calls", "calls.begin", "calleeId"},
        {"POST", "/webrtc/calls/{id}/answer", "calls.answer", "id"},
        {"POST", "/webrtc/calls/{id}/end", "calls.end", "id"},
        {"POST", "/webrtc/calls/{id}/cancel", "calls.cancel", "id"},
        {"POST", "/webrtc/calls/{id}/missed", "calls.missed", "id"},
        {"POST", "/webrtc/calls/{id}/failed", "calls.failed", "id"},
        {"GET", "/api/audit/export", "audit.export", NULL},
        {"GET", "/api/users/{name}/data", "privacy.export", "name"},
        {"GET", "/api/audit/check", "audit.check", NULL},
};

static const char *field_of(TbRequest *request, const char *field)
{
        const char *in_path = field ? tb_request_arg(request, field) : NULL;
        return in_path ? in_path
               : field ? json_string_value(json_object_get(tb_request_json(request), field))
                       : NULL;
}

#define DEVICES "/host/devices/"

/* `may`: he might have changed something there. */
static void note_what(TbRequest *request, TbServer *server, TbAuditNote *note, bool may, const char *host,
                      const char *device, const char *path)
{
        const char *method = tb_request_method(request);
        bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0,
             refused = strcmp(note->outcome, "ok") != 0;
        if (reads && (refused || !device))
                return; /* lists, what a host is */
        if (refused && !may) {
                /* names are the sender's choice: they fill no log; the server's own has them under this request */
                note->action = "carry";
                tb_audit_note(server->audit, note, REFUSED_S);
                return;
        }
        g_autofree char *object = g_strconcat(host, device ? "/" : NULL, device, NULL),
                        *action = device ? g_strconcat(method, " " DEVICES, device, path, NULL)
                                         : g_strconcat(method, " ", path, NULL);
        note->object = object;
        /* what goes through a socket is not seen here: who may control by it is one who controls */
        bool controls = reads && may && tb_request_header(request, "Upgrade");
        note->action = controls ? "control" : reads ? "watch" : action;
        tb_audit_note(server->audit, note, reads ? SAW_S : CARRIED_S);
}

/* However the device is spelled in the path, it is the same in the log. */
static void note_carried(TbRequest *request, TbServer *server, TbAuditNote *note)
{
        const char *host = tb_request_arg(request, "host"),
                   *below = strchr(tb_request_path(request) + strlen("/api/hosts/"), '/');
        const char *name = g_str_has_prefix(below, DEVICES) ? below + strlen(DEVICES) : NULL;
        gsize size = name ? strcspn(name, "/") : 0;
        g_autofree char *device = name ? tb_percent_decode(name, size, false) : NULL;
        bool valid = tb_name_valid(TB_NAME_ID, device);
        if (tb_request_role(request) == TB_ROLE_NONE)
                return; /* strangers */
        bool may = tb_reach_role(tb_request_caller(request), host, below, tb_request_raw_query(request)) >=
                   TB_ROLE_OPERATOR;
        note_what(request, server, note, may, host, valid ? device : NULL, valid ? name + size : below);
}

static char *guest_of(const char *name, const char *maker)
{
        return g_strdup_printf("guest%s%s (link of %s)", *name ? ": " : "", name,
                               maker); /* no user's name has a blank */
}

/* A link's token, in whosever hands it is; one that opens nothing leaves no more than a line in the log. */
static void note_by_link(TbRequest *request, TbServer *server, TbAuditNote *note)
{
        const char *id = tb_request_arg(request, "id"), *token = tb_server_session_token(request);
        const char *host, *device, *maker, *path = strstr(tb_request_path(request), "/device/");
        TbSession *session = tb_pairing_find(server->pairing, id, tb_clock_mono_ms());
        TbMode mode;
        if (!session || !token || !path || !tb_session_names(session, &host, &device, &maker) ||
            !tb_session_check(session, token, &mode))
                return;
        g_autofree char *guest = guest_of("", maker);
        note->user = *note->user ? note->user : guest;
        note_what(request, server, note, mode == TB_MODE_CONTROL, host, device, path + strlen("/device"));
}

/* By a link: who comes without a token is a guest, and says of himself what he likes. */
void tb_server_audit_watched(const TbWatched *who, gpointer data)
{
        TbServer *server = data;
        g_autofree char *object = g_strconcat(who->host, "/", who->device, NULL),
                        *guest = guest_of(who->name, who->maker);
        const char *how = who->mode == TB_MODE_CONTROL ? "join.control" : "join.view";
        const TbAuditNote note = {.user = who->proven ? who->name : guest,
                                  .action = who->comes ? how : "leave",
                                  .object = object,
                                  .outcome = "ok",
                                  .address = who->net ? who->net : "this machine",
                                  .request = who->request};
        if (server->audit)
                tb_audit_note(server->audit, &note, CARRIED_S);
}

void tb_server_audit_answer(TbRequest *request, const char *route, int status, gpointer data)
{
        TbServer *server = data;
        const char *method = tb_request_method(request);
        bool fails = status >= 400;
        char outcome[8];
        g_snprintf(outcome, sizeof outcome, "%d", status);
        TbAuditNote note = {.user = tb_request_user(request),
                            .outcome = fails ? outcome : "ok",
                            .address = tb_request_peer(request),
                            .request = tb_request_id(request)};
        if (strcmp(route, "/api/hosts/{host}/host/{path...}") == 0) {
                note_carried(request, server, &note);
                return;
        }
        if (strcmp(route, "/api/session/{id}/device/{path...}") == 0) {
                note_by_link(request, server, &note);
                return;
        }
        for (gsize i = 0; i < G_N_ELEMENTS(known); i++) {
                if (strcmp(known[i].method, method) != 0 || strcmp(known[i].path, route) != 0)
                        continue;
                note.action = known[i].action;
                bool stranger =
                        fails && tb_request_role(request) == TB_ROLE_NONE && strcmp(route, "/api/login") != 0;
                note.object = stranger ? NULL : field_of(request, known[i].object);
                tb_audit_note(server->audit, &note, fails ? REFUSED_S : 0);
                return;
        }
}
