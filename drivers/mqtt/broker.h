#pragma once
/*
 * MQTT brokers, by libmosquitto: one connection for each broker and user, however many attachments there are. The library's thread
 * connects, and again with a growing pause; what comes is kept as the latest message of each topic that somebody listens to.
 * An ear belongs to one worker.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbMqttWho {
        const char *host;
        int port;
        const char *user, *password; /* NULL: none */
        bool tls;                    /* with the certificates that this machine trusts */
} TbMqttWho;

typedef enum TbMqttState {
        TB_MQTT_CONNECTING,
        TB_MQTT_CONNECTED, /* and subscribed: what comes from here on is heard */
        TB_MQTT_REFUSED,   /* a wrong password: tried again all the same */
        TB_MQTT_LOST,
} TbMqttState;

typedef struct TbMqttEar TbMqttEar;

/* `topics`: `n` without wildcards, each once; NULL entries are skipped and keep their number. `all`: each message is kept until
 * tb_mqtt_take(), TB_LIMIT_MQTT_QUEUE of them; the oldest go. TB_ERROR_UNAVAILABLE: the library or the system has no room for it. */
TbMqttEar *tb_mqtt_listen(const TbMqttWho *who, const char *const *topics, guint n, bool all, GError **error);
void tb_mqtt_unlisten(TbMqttEar *ear); /* NULL is fine; the last one ends the connection */

int tb_mqtt_fd(TbMqttEar *ear); /* readable: something has changed since tb_mqtt_look(); borrowed */
/* How the connection is, in words too (NULL: well; the caller frees). */
TbMqttState tb_mqtt_look(TbMqttEar *ear, char **ret_why);
/* The latest message of a topic; NULL: none came since the connection is there. `*ret_count` (nullable): how many came. The caller
 * frees; NUL-terminated, at most TB_LIMIT_MQTT_PAYLOAD bytes: a longer one is as if none came. */
char *tb_mqtt_latest(TbMqttEar *ear, guint topic, guint *ret_count, bool *ret_retained);
/* The next message, as tb_mqtt_latest(), and of which topic; NULL: none waits. */
char *tb_mqtt_take(TbMqttEar *ear, guint *ret_topic, bool *ret_retained);
/* TB_ERROR_GONE: there is no connection now. */
bool tb_mqtt_publish(TbMqttEar *ear, const char *topic, const char *payload, GError **error);
