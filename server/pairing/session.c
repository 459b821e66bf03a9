#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/metrics.h"
#include "lib/server_limits.h"
#include "lib/text.h"
#include "server/pairing/pairing_private.h"

#define ID_BYTES 16
#define TOKEN_BYTES 32

/* --- shares --- */
static guint places(GHashTable *table, const char *key)
{
        return GPOINTER_TO_UINT(g_hash_table_lookup(table, key));
}

static void count(GHashTable *table, GRefString *key, int by)
{
        guint n = places(table, key) + (guint)by;
        if (n == 0)
                g_hash_table_remove(table, key);
        else
                g_hash_table_replace(table, g_ref_string_acquire(key), GUINT_TO_POINTER(n));
}

/* Whether one more session finds a place; see TbSessionAsk. */
static bool has_place(TbPairing *pairing, const TbSessionAsk *ask, GError **error)
{
        guint all = g_hash_table_size(pairing->sessions), limit = pairing->options.sessions_per_share;
        if (limit && places(pairing->shares, ask->share) >= limit) {
                tb_set_error(error, TB_ERROR_LIMIT,
                             "%u sessions exist that %s has made, more are not kept for one user or network; "
                             "try again when some have ended",
                             limit, ask->share);
                return false;
        }
        bool reserve = ask->trusted || places(pairing->wides, ask->wide) < tb_server_limits.sessions_newcomer;
        if (all < tb_server_limits.sessions ||
            (reserve && all < tb_server_limits.sessions + tb_server_limits.sessions_reserve))
                return true;
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "there are %u sessions already; try again later", all);
        return false;
}

static void keep(TbPairing *pairing, TbSession *session)
{
        g_hash_table_insert(pairing->sessions, session->id, session);
        count(pairing->shares, session->share, 1);
        count(pairing->wides, session->wide, 1);
        if (!session->host)
                return;
        GQueue *all = g_hash_table_lookup(pairing->of_host, session->host);
        if (!all)
                g_hash_table_insert(pairing->of_host, g_strdup(session->host), all = g_new0(GQueue, 1));
        session->of_host.data = session;
        g_queue_push_tail_link(all, &session->of_host);
}

static void forget(TbPairing *pairing, TbSession *session)
{
        GQueue *all = session->host ? g_hash_table_lookup(pairing->of_host, session->host) : NULL;
        count(pairing->shares, session->share, -1);
        count(pairing->wides, session->wide, -1);
        if (!all)
                return;
        g_queue_unlink(all, &session->of_host);
        if (all->length == 0)
                g_hash_table_remove(pairing->of_host, session->host);
}

/* --- life --- */
void tb_session_free(TbSession *session)
{
        g_assert(session->phones->len == 0 && session->observers->len == 0);
        g_ptr_array_unref(session->observers);
        g_ptr_array_unref(session->phones);
        g_queue_clear_full(&session->talk, (GDestroyNotify)json_decref);
        g_ref_string_release(session->share);
        g_ref_string_release(session->wide);
        g_free(session->id);
        g_free(session->host);
        g_free(session->device);
        g_free(session->note);
        g_free(session);
}

static void session_free(gpointer p)
{
        tb_session_free(p);
}

static void ref_string_free(gpointer p)
{
        g_ref_string_release(p);
}

TbPairing *tb_pairing_new(const TbPairingOptions *options)
{
        TbPairing *pairing = g_new0(TbPairing, 1);
        pairing->options = *options;
        pairing->ends_ms = G_MAXINT64;
        pairing->sessions = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, session_free);
        pairing->shares = g_hash_table_new_full(g_str_hash, g_str_equal, ref_string_free, NULL);
        pairing->wides = g_hash_table_new_full(g_str_hash, g_str_equal, ref_string_free, NULL);
        pairing->hosts = g_hash_table_new(g_str_hash, g_str_equal);
        /* the queues' links are the sessions' own */
        pairing->of_host = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        pairing->host_joins = tb_rates_new(tb_server_limits.host_joins_per_s, tb_server_limits.host_joins);
        pairing->said = tb_tally_new_log();
        pairing->lists = tb_lists_new(pairing);
        return pairing;
}

void tb_pairing_free(TbPairing *pairing)
{
        if (!pairing)
                return;
        g_assert(pairing->waiting.length == 0 && g_hash_table_size(pairing->hosts) == 0);
        g_hash_table_unref(pairing->sessions);
        g_hash_table_unref(pairing->shares);
        g_hash_table_unref(pairing->wides);
        g_hash_table_unref(pairing->hosts);
        g_hash_table_unref(pairing->of_host);
        tb_rates_free(pairing->host_joins);
        tb_tally_free(pairing->said);
        tb_lists_free(pairing->lists);
        g_free(pairing);
}

gint64 tb_session_expires_ms(const TbSession *session)
{
        if (session->life_s == TB_LIFE_UNTIL_REVOKED)
                return G_MAXINT64;
        if (session->life_s > 0)
                return session->created_ms + session->life_s * 1000;
        return MIN(session->active_ms + tb_server_limits.session_idle_s * 1000ll,
                   session->created_ms + tb_server_limits.session_max_s * 1000ll);
}

void tb_session_tell(TbSession *session, TbSessionChange change)
{
        TbPairing *pairing = session->pairing;
        if (change != TB_SESSION_ENDED && session->life_s > 0)
                pairing->ends_ms = MIN(pairing->ends_ms, tb_session_expires_ms(session));
        const TbPairingOptions *options = &session->pairing->options;
        if (options->session_changed)
                options->session_changed(session, change, options->data);
        tb_session_said(session, change != TB_SESSION_TOUCHED);
}

void tb_session_said(TbSession *session, bool soon)
{
        const TbPairingOptions *options = &session->pairing->options;
        if (options->list_changed)
                options->list_changed(&(TbListChange){.list = TB_LIST_SESSIONS,
                                                      .key = session->id,
                                                      .host = session->host,
                                                      .device = session->device,
                                                      .share = session->share,
                                                      .lazy = !soon},
                                      options->data);
}

void tb_session_touch(TbSession *session, gint64 now_ms)
{
        session->active_ms = now_ms;
        tb_session_tell(session, TB_SESSION_TOUCHED);
}

TbParty *tb_session_producer(TbSession *session)
{
        if (session->host)
                return g_hash_table_lookup(session->pairing->hosts, session->host);
        return session->phones->len > 0 ? g_ptr_array_index(session->phones, 0) : NULL;
}

bool tb_session_present(TbSession *session)
{
        TbParty *producer = tb_session_producer(session);
        return producer && !producer->away;
}

static bool find_device(TbPairing *pairing, const char *name, char **ret_host, char **ret_device,
                        GError **error)
{
        const char *slash = strchr(name, '/');
        g_autofree char *host = slash ? g_strndup(name, (gsize)(slash - name)) : NULL;
        TbParty *party = host ? g_hash_table_lookup(pairing->hosts, host) : NULL;
        if (!host || !*host || !slash[1]) {
                tb_error_set_field(error, TB_ERROR_INVALID, "device", "device must be \"host/device\"");
                return false;
        }
        if (!party) {
                tb_error_set_field(error, TB_ERROR_NOT_FOUND, "device", "no host \"%s\" is connected", host);
                return false;
        }
        if (!tb_device_list_has(party->devices, slash + 1)) {
                tb_error_set_field(error, TB_ERROR_NOT_FOUND, "device",
                                   "the host \"%s\" has no device \"%s\"", host, slash + 1);
                return false;
        }
        *ret_host = g_steal_pointer(&host);
        *ret_device = g_strdup(slash + 1);
        return true;
}

static char *new_token(guint8 hash[TB_SECRET_HASH])
{
        char *token = tb_random_token(TOKEN_BYTES);
        tb_secret_hash(token, hash);
        return token;
}

TbSession *tb_pairing_create(TbPairing *pairing, const TbSessionAsk *ask, gint64 now_ms, char **ret_token,
                             char **ret_view, GError **error)
{
        g_autofree char *host = NULL, *id = NULL;
        bool control = ask->mode == TB_MODE_CONTROL;
        if (!has_place(pairing, ask, error))
                return NULL;
        if (ask->device && !find_device(pairing, ask->device, &host, &id, error))
                return NULL;
        TbSession *session = g_new0(TbSession, 1);
        session->pairing = pairing;
        session->id = tb_random_token(ID_BYTES);
        session->host = g_steal_pointer(&host);
        session->device = g_steal_pointer(&id);
        session->mode = ask->mode;
        session->max_observers = ask->device ? ask->observers : 1;
        session->max_phones = ask->device ? 0 : MAX(ask->phones, 1);
        session->life_s = ask->life_s;
        session->note = ask->note && *ask->note ? tb_text_line(ask->note, TB_LIMIT_LABEL) : NULL;
        session->created_ms = session->active_ms = now_ms;
        session->share = g_ref_string_new_intern(ask->share);
        session->wide = g_ref_string_new_intern(ask->wide);
        session->observers = g_ptr_array_new();
        session->phones = g_ptr_array_new();
        session->told_ms = G_MININT64 / 2;
        *ret_token = new_token(session->token);
        *ret_view = NULL;
        if (ask->device && control)
                *ret_view = new_token(session->view);
        else
                memcpy(session->view, session->token, TB_SECRET_HASH);
        if (ask->device && !control)
                *ret_view = g_strdup(*ret_token);
        keep(pairing, session);
        pairing->created++;
        tb_session_tell(session, TB_SESSION_CREATED);
        return session;
}

bool tb_session_restore_take(TbPairing *pairing, TbSession *session)
{
        if (g_hash_table_contains(pairing->sessions, session->id) ||
            g_hash_table_size(pairing->sessions) >=
                    tb_server_limits.sessions + tb_server_limits.sessions_reserve) {
                tb_session_free(session);
                return false;
        }
        session->pairing = pairing;
        keep(pairing, session);
        if (session->life_s > 0)
                pairing->ends_ms = MIN(pairing->ends_ms, tb_session_expires_ms(session));
        return true;
}

static bool is_expired(TbSession *session, gint64 now_ms)
{
        return now_ms >= tb_session_expires_ms(session);
}

TbSession *tb_pairing_find(TbPairing *pairing, const char *id, gint64 now_ms)
{
        TbSession *session = g_hash_table_lookup(pairing->sessions, id);
        return session && !is_expired(session, now_ms) ? session : NULL;
}

const char *tb_session_id(TbSession *session)
{
        return session->id;
}

bool tb_session_is_device(TbSession *session)
{
        return session->host != NULL;
}

TbMode tb_session_mode(const TbSession *session)
{
        return session->mode;
}

bool tb_session_check(TbSession *session, const char *token, TbMode *ret_mode)
{
        guint8 hash[TB_SECRET_HASH];
        tb_secret_hash(token, hash);
        bool full = tb_secret_equal(hash, session->token, sizeof hash),
             view = tb_secret_equal(hash, session->view, sizeof hash);
        if (ret_mode)
                *ret_mode = full ? session->mode : TB_MODE_VIEW;
        return full || view;
}

bool tb_session_names(const TbSession *session, const char **ret_host, const char **ret_device,
                      const char **ret_maker)
{
        *ret_host = session->host;
        *ret_device = session->device;
        *ret_maker = session->share;
        return session->host != NULL;
}

bool tb_session_opens_all(TbSession *session, const char *token)
{
        guint8 hash[TB_SECRET_HASH];
        tb_secret_hash(token, hash);
        return (!session->host || session->mode == TB_MODE_CONTROL) &&
               tb_secret_equal(hash, session->token, sizeof hash);
}

/* --- the end --- */
static void let_go(TbParty *party, bool revoked, gint64 life_s)
{
        party->session = NULL;
        if (revoked)
                tb_party_refuse(party, "session-ended", "Session ended");
        else if (life_s > 0)
                tb_party_refuse(party, "session-expired", "Session time is over");
        else
                tb_party_refuse(party, "session-expired", "Session expired");
}

static void end_session(TbPairing *pairing, TbSession *session, bool revoked)
{
        if (session->host)
                tb_host_session_closed(pairing, session);
        while (session->observers->len > 0) {
                TbParty *observer = g_ptr_array_steal_index(session->observers, 0);
                let_go(observer, revoked, session->life_s);
        }
        while (session->phones->len > 0) {
                TbParty *phone = g_ptr_array_steal_index(session->phones, 0);
                let_go(phone, revoked, session->life_s);
        }
        pairing->expired += !revoked;
        tb_room_end(session);
        forget(pairing, session);
        session->ended = true;
        tb_session_tell(session, TB_SESSION_ENDED);
}

void tb_session_expire(TbPairing *pairing, gint64 now_ms)
{
        GHashTableIter iter;
        gpointer value;
        pairing->ends_ms = G_MAXINT64;
        g_hash_table_iter_init(&iter, pairing->sessions);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                if (!is_expired(value, now_ms)) {
                        const TbSession *session = value;
                        if (session->life_s > 0)
                                pairing->ends_ms = MIN(pairing->ends_ms, tb_session_expires_ms(session));
                        continue;
                }
                end_session(pairing, value, false);
                g_hash_table_iter_remove(&iter);
        }
}

void tb_pairing_end(TbPairing *pairing, TbSession *session)
{
        g_autofree char *id = g_strdup(session->id);
        end_session(pairing, session, true);
        g_hash_table_remove(pairing->sessions, id);
}

bool tb_session_is_of(const TbSession *session, const char *share)
{
        return strcmp(session->share, share) == 0;
}

void tb_pairing_metrics(GString *out, gpointer data)
{
        TbPairing *pairing = data;
        static const char *const roles[] = {"none", "desktop", "phone", "host"};
        tb_metrics_one(out, TB_METRIC_GAUGE, "testbed_sessions", "Sessions that exist.",
                       g_hash_table_size(pairing->sessions));
        tb_metrics_head(out, TB_METRIC_GAUGE, "testbed_parties", "WebSockets by role.");
        for (guint i = 0; i < G_N_ELEMENTS(roles); i++) {
                g_autofree char *labels = g_strdup_printf("role=\"%s\"", roles[i]);
                tb_metrics_line(out, "testbed_parties", labels, pairing->parties[i]);
        }
        const struct {
                const char *name, *help;
                guint64 value;
        } counters[] = {
                {"testbed_sessions_created_total", "Sessions that were made.", pairing->created},
                {"testbed_sessions_expired_total", "Sessions that ended by age.", pairing->expired},
                {"testbed_hellos_refused_total", "Parties that were refused.", pairing->refused},
                {"testbed_relayed_messages_total", "Messages from one party to another.",
                 pairing->relayed_messages},
                {"testbed_relayed_bytes_total", "Bytes of them.", pairing->relayed_bytes},
                {"testbed_dropped_pictures_total", "Relayed pictures that a slow observer missed.",
                 pairing->dropped_pictures},
                {"testbed_dropped_samples_total", "Samples that a slow observer missed.",
                 pairing->dropped_samples},
        };
        for (guint i = 0; i < G_N_ELEMENTS(counters); i++)
                tb_metrics_one(out, TB_METRIC_COUNTER, counters[i].name, counters[i].help,
                               (double)counters[i].value);
        tb_lists_metrics(pairing->lists, out);
}
