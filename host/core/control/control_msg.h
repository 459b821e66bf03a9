#pragma once
/*
 * The messages of `/host/ws`, of the data channel `control` and of the relay, as JSON text. Pure: no I/O, any
 * thread. The golden files in tests/fixtures/proto/ say what is accepted (the browser's side reads the same
 * files). Unknown fields are ignored, so that either side can grow first.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#define TB_CONTROL_TOPICS 32 /* of one subscribe, and of one connection */

typedef enum TbControlKind {
        TB_CONTROL_COMMAND,
        TB_CONTROL_SUBSCRIBE,
        TB_CONTROL_UNSUBSCRIBE,
        TB_CONTROL_PING,
        TB_CONTROL_SAMPLE, /* a reading of the viewer's own: sensor or sample */
        TB_CONTROL_BYE,
        TB_CONTROL_OTHER, /* well formed, meant for somebody else (signaling): ignored */
} TbControlKind;

typedef struct TbControlMessage {
        TbControlKind kind;
        gint64 id; /* 0: none was given */
        gint64 t;  /* ping; command: when it was made, ms of the viewer's own clock; -1: none */
        gint64 hold; /* ping: ms of silence after which what this connection holds comes up; 0: none; -1: not said */
        json_t *json; /* the whole message; owned; what follows is borrowed from it */
        const char *device, *interface, *verb, *lease; /* command; interface and lease may be NULL */
        const char
                *client; /* command, ping: what the page calls itself on all its connections; NULL: no page */
        json_t *params;  /* command; NULL: none */
        json_t *topics;  /* subscribe, unsubscribe: array of strings */
        gint64 offset;   /* subscribe: console offset to begin at; -1: with what comes next */
} TbControlMessage;

/* False with TB_ERROR_INVALID that blames the field ("params", "subscribe[0]"); ret_message->id is set all
 * the same when it could be read, so that the refusal can name it. tb_control_message_clear() in both cases.
 */
bool tb_control_parse(const char *text, gsize size, TbControlMessage *ret_message, GError **error);
void tb_control_message_clear(TbControlMessage *message);

/* "console:board/uart1" -> name "console", device "board", interface "uart1"; the parts after the name may be
 * missing (NULL). */
typedef struct TbTopic {
        char *name, *device, *interface;
} TbTopic;
bool tb_topic_parse(const char *text, TbTopic *ret_topic);
void tb_topic_clear(TbTopic *topic);

/* New references. `error` wins; `extra` (nullable, borrowed) goes into the error. A JSON null as result is
 * left out. */
json_t *tb_control_result(gint64 id, json_t *result, const GError *error, json_t *extra);
json_t *tb_control_refusal(const GError *error); /* {"type":"error",…}: for what has no id */

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TbControlMessage, tb_control_message_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TbTopic, tb_topic_clear)
