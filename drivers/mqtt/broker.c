#include "drivers/mqtt/broker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "drivers/mqtt/broker_line.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/refcount.h"
#include "lib/thread.h"

#define KEEPALIVE_S 15
#define RETRY_S 1
#define RETRY_MOST_S 10
#define AT_MOST_ONCE 0 /* states come again, and a command that comes late is worse than one that is lost */
#define AT_LEAST_ONCE 1

typedef struct Message {
        char *payload; /* owned */
        guint count;
        bool retained;
} Message;

struct TbMqttEar {
        struct Broker *broker; /* ref */
        TbInterruptor *news;   /* owned */
        guint n;
        char **topics;   /* owned, each; n */
        Message *latest; /* owned; n */
        bool all;
        GQueue waiting; /* of owned Waiting */
};

typedef struct Waiting {
        guint topic;
        bool retained;
        char payload[];
} Waiting;

typedef struct Broker {
        TbRefCount refs;          /* the listeners' one, the thread's */
        char *key, *where, *host; /* owned */
        int port;
        struct mosquitto *client; /* owned */
        TbInterruptor *over;      /* owned */
        TbInterruptor *work;      /* owned; something was queued for it */
        guint users;              /* under `brokers.lock` */
        TbMutex lock;
        GPtrArray *ears; /* borrowed */
        TbMqttState state;
        bool online;    /* it has let us in: what is listened to from here on is asked for at once */
        bool let_in;    /* it has, on this connection or the last one */
        char *why;      /* owned */
        int subscribed; /* the message id of the last subscription that is not acknowledged yet; 0: all are */
} Broker;

static struct {
        TbMutex lock;
        GHashTable *by_key; /* borrowed */
} brokers = {.lock = TB_MUTEX_INIT};

/* --- what the library tells, on its thread --- */
static void tell(Broker *b) /* locked */
{
        for (guint i = 0; i < b->ears->len; i++)
                tb_interruptor_raise(((TbMqttEar *)g_ptr_array_index(b->ears, i))->news);
}

static void set_state(Broker *b, TbMqttState state, char *why_take) /* locked */
{
        g_free(b->why);
        b->why = why_take;
        b->state = state;
        tell(b);
}

static void subscribe(Broker *b, const TbMqttEar *ear) /* locked */
{
        for (guint i = 0; i < ear->n; i++) {
                int id = 0;
                if (ear->topics[i] &&
                    mosquitto_subscribe(b->client, &id, ear->topics[i], AT_LEAST_ONCE) == MOSQ_ERR_SUCCESS)
                        b->subscribed = id;
        }
        tb_interruptor_raise(b->work);
}

static void on_connect(struct mosquitto *client G_GNUC_UNUSED, void *data, int code)
{
        Broker *b = data;
        tb_mutex_lock(&b->lock);
        b->online = code == 0;
        b->let_in = b->let_in || b->online;
        if (code == 0) {
                b->subscribed = 0;
                set_state(b, TB_MQTT_CONNECTING, NULL);
                for (guint i = 0; i < b->ears->len; i++)
                        subscribe(b, g_ptr_array_index(b->ears, i));
                if (!b->subscribed)
                        set_state(b, TB_MQTT_CONNECTED, NULL); /* nobody listens to anything */
        } else {
                bool password = code == 4 || code == 5;
                set_state(b, TB_MQTT_REFUSED,
                          password ? g_strdup_printf(
                                             "the broker at %s refuses the password: correct \"user\" and "
                                             "\"password\" of this attachment",
                                             b->where)
                                   : g_strdup_printf("the broker at %s refuses us: %s", b->where,
                                                     mosquitto_connack_string(code)));
        }
        tb_mutex_unlock(&b->lock);
}

static void on_subscribe(struct mosquitto *client G_GNUC_UNUSED, void *data, int id, int count G_GNUC_UNUSED,
                         const int *granted G_GNUC_UNUSED)
{
        Broker *b = data;
        tb_mutex_lock(&b->lock);
        if (id == b->subscribed) {
                b->subscribed = 0;
                set_state(b, TB_MQTT_CONNECTED, NULL);
        }
        tb_mutex_unlock(&b->lock);
}

static void on_disconnect(struct mosquitto *client G_GNUC_UNUSED, void *data, int code)
{
        Broker *b = data;
        tb_mutex_lock(&b->lock);
        const char *why = mosquitto_strerror(code);
        if (b->state != TB_MQTT_REFUSED)
                set_state(b, TB_MQTT_LOST,
                          b->online
                                  ? g_strdup_printf("the connection to the broker at %s is lost (%s)",
                                                    b->where, why)
                                  : g_strdup_printf("what answers at %s hangs up (%s): is it an MQTT broker, "
                                                    "is the port right, does it want TLS?",
                                                    b->where, why));
        b->online = false;
        for (guint i = 0; i < b->ears->len; i++) { /* what was said before may be old when it is back */
                TbMqttEar *ear = g_ptr_array_index(b->ears, i);
                for (guint t = 0; t < ear->n; t++)
                        g_clear_pointer(&ear->latest[t].payload, g_free);
        }
        tb_mutex_unlock(&b->lock);
}

static void keep_waiting(TbMqttEar *ear, guint topic, const struct mosquitto_message *m) /* locked */
{
        gsize size = (gsize)m->payloadlen;
        Waiting *w = g_malloc0(sizeof *w + size + 1);
        w->topic = topic;
        w->retained = m->retain;
        if (m->payload)
                memcpy(w->payload, m->payload, size);
        g_queue_push_tail(&ear->waiting, w);
        if (ear->waiting.length > TB_LIMIT_MQTT_QUEUE)
                g_free(g_queue_pop_head(&ear->waiting));
}

static void on_message(struct mosquitto *client G_GNUC_UNUSED, void *data, const struct mosquitto_message *m)
{
        Broker *b = data;
        if (m->payloadlen < 0 || m->payloadlen > TB_LIMIT_MQTT_PAYLOAD)
                return;
        tb_mutex_lock(&b->lock);
        for (guint i = 0; i < b->ears->len; i++) {
                TbMqttEar *ear = g_ptr_array_index(b->ears, i);
                for (guint t = 0; t < ear->n; t++) {
                        if (g_strcmp0(ear->topics[t], m->topic) != 0)
                                continue;
                        if (ear->all)
                                keep_waiting(ear, t, m);
                        Message *latest = &ear->latest[t];
                        g_free(latest->payload);
                        latest->payload = g_strndup(m->payload ? m->payload : "", (gsize)m->payloadlen);
                        latest->retained = m->retain;
                        latest->count++;
                        tb_interruptor_raise(ear->news);
                }
        }
        tb_mutex_unlock(&b->lock);
}

/* --- brokers --- */
static void broker_unref(Broker *b)
{
        if (!tb_ref_dec(&b->refs))
                return;
        if (b->client)
                mosquitto_destroy(b->client);
        tb_interruptor_free(b->work);
        tb_interruptor_free(b->over);
        g_ptr_array_unref(b->ears);
        tb_mutex_clear(&b->lock);
        g_free(b->why);
        g_free(b->host);
        g_free(b->where);
        g_free(b->key);
        g_free(b);
}

static void say_absent(Broker *b, int code)
{
        const char *why = code == MOSQ_ERR_ERRNO ? g_strerror(errno) : mosquitto_strerror(code);
        tb_mutex_lock(&b->lock);
        set_state(b, TB_MQTT_LOST,
                  g_strdup_printf("no broker answers at %s (%s): does it run, is the address right?",
                                  b->where, why));
        tb_mutex_unlock(&b->lock);
}

/* Until the last ear is gone. What the library does can take minutes (names, hosts that do not answer): nobody waits for it. */
static void serve(gpointer data)
{
        Broker *b = data;
        for (int pause_s = RETRY_S;; pause_s = MIN(2 * pause_s, RETRY_MOST_S)) {
                bool connected = false;
                int failed = tb_mqtt_line_run(b->client, b->host, b->port, KEEPALIVE_S, b->over, b->work,
                                              &connected);
                if (tb_interruptor_raised(b->over))
                        break;
                if (!connected)
                        say_absent(b, failed); /* else on_disconnect() has said why */
                tb_mutex_lock(&b->lock);
                pause_s = b->let_in ? RETRY_S : pause_s;
                b->let_in = false;
                tb_mutex_unlock(&b->lock);
                struct pollfd p = {.fd = tb_interruptor_fd(b->over), .events = POLLIN};
                poll(&p, 1, pause_s * 1000);
        }
        broker_unref(b);
}

static bool begin(Broker *b, const TbMqttWho *who, GError **error)
{
        b->over = tb_interruptor_try_new(error);
        b->work = b->over ? tb_interruptor_try_new(error) : NULL;
        if (!b->work)
                return false;
        b->client = mosquitto_new(NULL, true, b);
        if (!b->client) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "MQTT: %s", g_strerror(errno));
                return false;
        }
        mosquitto_threaded_set(b->client, true);
        mosquitto_connect_callback_set(b->client, on_connect);
        mosquitto_disconnect_callback_set(b->client, on_disconnect);
        mosquitto_subscribe_callback_set(b->client, on_subscribe);
        mosquitto_message_callback_set(b->client, on_message);
        mosquitto_int_option(b->client, MOSQ_OPT_TCP_NODELAY, 1);
        if (who->user || who->password)
                mosquitto_username_pw_set(b->client, who->user ? who->user : "", who->password);
        if (who->tls)
                mosquitto_tls_set(b->client, NULL, "/etc/ssl/certs", NULL, NULL, NULL);
        tb_ref_inc(&b->refs);
        if (tb_thread_try_detach("mqtt", serve, b, error))
                return true;
        tb_ref_dec(&b->refs);
        return false;
}

static Broker *broker_new(const TbMqttWho *who, char *key_take, GError **error)
{
        Broker *b = g_new0(Broker, 1);
        tb_ref_init(&b->refs);
        tb_mutex_init(&b->lock);
        b->ears = g_ptr_array_new();
        b->key = key_take;
        b->host = g_strdup(who->host);
        b->port = who->port;
        b->where = g_strdup_printf("%s:%d", who->host, who->port);
        if (begin(b, who, error))
                return b;
        broker_unref(b);
        return NULL;
}

static Broker *broker_of(const TbMqttWho *who, GError **error)
{
        char *key = g_strdup_printf("%s\n%d\n%s\n%s\n%d", who->host, who->port, who->user ? who->user : "",
                                    who->password ? who->password : "", who->tls);
        tb_mutex_lock(&brokers.lock);
        if (!brokers.by_key) {
                mosquitto_lib_init();
                brokers.by_key = g_hash_table_new(g_str_hash, g_str_equal);
        }
        Broker *b = g_hash_table_lookup(brokers.by_key, key);
        if (b) {
                g_free(key);
        } else if ((b = broker_new(who, key, error))) {
                g_hash_table_insert(brokers.by_key, b->key, b);
        }
        if (b)
                b->users++;
        tb_mutex_unlock(&brokers.lock);
        return b;
}

static void broker_leave(Broker *b)
{
        tb_mutex_lock(&brokers.lock);
        bool last = --b->users == 0;
        if (last)
                g_hash_table_remove(brokers.by_key, b->key);
        if (g_hash_table_size(brokers.by_key) == 0)
                g_clear_pointer(&brokers.by_key, g_hash_table_unref);
        tb_mutex_unlock(&brokers.lock);
        if (!last)
                return;
        mosquitto_disconnect(b->client); /* it is queued: the thread sends it, and ends */
        tb_interruptor_raise(b->over);
        broker_unref(b);
}

/* --- ears --- */
TbMqttEar *tb_mqtt_listen(const TbMqttWho *who, const char *const *topics, guint n, bool all, GError **error)
{
        TbInterruptor *news = tb_interruptor_try_new(error);
        if (!news)
                return NULL;
        Broker *b = broker_of(who, error);
        if (!b) {
                tb_interruptor_free(news);
                return NULL;
        }
        TbMqttEar *ear = g_new0(TbMqttEar, 1);
        ear->broker = b;
        ear->news = news;
        ear->n = n;
        ear->all = all;
        ear->topics = g_new0(char *, n + 1);
        ear->latest = g_new0(Message, n + 1);
        g_queue_init(&ear->waiting);
        for (guint i = 0; i < n; i++)
                ear->topics[i] = g_strdup(topics[i]);
        tb_mutex_lock(&b->lock);
        g_ptr_array_add(b->ears, ear);
        if (b->online) {
                set_state(b, TB_MQTT_CONNECTING, NULL); /* until it is subscribed */
                subscribe(b, ear);
                if (!b->subscribed)
                        set_state(b, TB_MQTT_CONNECTED, NULL);
        }
        tb_mutex_unlock(&b->lock);
        return ear;
}

static bool is_heard(const Broker *b, const char *topic)
{
        for (guint i = 0; i < b->ears->len; i++) {
                const TbMqttEar *ear = g_ptr_array_index(b->ears, i);
                for (guint t = 0; t < ear->n; t++)
                        if (g_strcmp0(ear->topics[t], topic) == 0)
                                return true;
        }
        return false;
}

void tb_mqtt_unlisten(TbMqttEar *ear)
{
        if (!ear)
                return;
        Broker *b = ear->broker;
        tb_mutex_lock(&b->lock);
        g_ptr_array_remove(b->ears, ear);
        for (guint i = 0; i < ear->n; i++)
                if (ear->topics[i] && !is_heard(b, ear->topics[i]))
                        mosquitto_unsubscribe(b->client, NULL, ear->topics[i]);
        tb_interruptor_raise(b->work);
        tb_mutex_unlock(&b->lock);
        broker_leave(b);
        for (guint i = 0; i < ear->n; i++) {
                g_free(ear->topics[i]);
                g_free(ear->latest[i].payload);
        }
        g_free(ear->topics);
        g_free(ear->latest);
        g_queue_clear_full(&ear->waiting, g_free);
        tb_interruptor_free(ear->news);
        g_free(ear);
}

int tb_mqtt_fd(TbMqttEar *ear)
{
        return tb_interruptor_fd(ear->news);
}

TbMqttState tb_mqtt_look(TbMqttEar *ear, char **ret_why)
{
        Broker *b = ear->broker;
        tb_mutex_lock(&b->lock);
        tb_interruptor_lower(ear->news);
        TbMqttState state = b->state;
        *ret_why = g_strdup(b->why);
        tb_mutex_unlock(&b->lock);
        return state;
}

char *tb_mqtt_latest(TbMqttEar *ear, guint topic, guint *ret_count, bool *ret_retained)
{
        Broker *b = ear->broker;
        const Message *m = &ear->latest[topic];
        tb_mutex_lock(&b->lock);
        char *payload = g_strdup(m->payload);
        if (ret_count)
                *ret_count = m->count;
        if (ret_retained)
                *ret_retained = m->retained;
        tb_mutex_unlock(&b->lock);
        return payload;
}

char *tb_mqtt_take(TbMqttEar *ear, guint *ret_topic, bool *ret_retained)
{
        Broker *b = ear->broker;
        tb_mutex_lock(&b->lock);
        g_autofree Waiting *w = g_queue_pop_head(&ear->waiting);
        tb_mutex_unlock(&b->lock);
        if (!w)
                return NULL;
        *ret_topic = w->topic;
        *ret_retained = w->retained;
        return g_strdup(w->payload);
}

bool tb_mqtt_publish(TbMqttEar *ear, const char *topic, const char *payload, GError **error)
{
        Broker *b = ear->broker;
        tb_mutex_lock(&b->lock);
        bool there = b->state == TB_MQTT_CONNECTED || b->state == TB_MQTT_CONNECTING;
        int failed = there ? mosquitto_publish(b->client, NULL, topic, (int)strlen(payload), payload,
                                               AT_MOST_ONCE, false)
                           : MOSQ_ERR_NO_CONN;
        tb_interruptor_raise(b->work);
        if (failed)
                tb_set_error(error, TB_ERROR_GONE, "%s",
                             b->why ? b->why
                                    : "the broker does not take the message: there is no connection");
        tb_mutex_unlock(&b->lock);
        return failed == 0;
}
