#pragma once
/*
 * What the parameters of an outlet behind a broker mean. Pure. Sources: tasmota/docs (9849ab94) docs/MQTT.md; Koenkk/zigbee2mqtt.io
 * docs/guide/usage/mqtt_topics_and_messages.md.
 */
#include "drivers/driver.h"
#include "drivers/transport/declared.h"

enum { TB_MQTT_STATE, TB_MQTT_ALIVE, TB_MQTT_WATTS, TB_MQTT_TOPICS }; /* topics that are listened to */

typedef struct TbMqttOutlet {
        char *topics[TB_MQTT_TOPICS];  /* owned; NULL: none */
        char *set, *ask;               /* owned; topics that are written; `ask` NULL: it cannot be asked */
        char *on, *off, *ask_payload;  /* owned */
        char *pointer, *watts_pointer; /* owned; into JSON; NULL: the payload is the value */
        char *is_on, *is_off;          /* owned; NULL: on, true, 1 and their opposites */
        char *alive, *gone;            /* owned; of TB_MQTT_ALIVE */
} TbMqttOutlet;

/* Of a preset and of what the parameters say besides. TB_ERROR_INVALID with the field. */
bool tb_mqtt_outlet(const json_t *params, TbMqttOutlet *ret, GError **error);
void tb_mqtt_outlet_clear(TbMqttOutlet *outlet);

/* What a message on the state's topic says. DEVICE: neither. */
bool tb_mqtt_parse_state(const TbMqttOutlet *outlet, const char *payload, bool *ret_on, GError **error);
/* `online`, `{"state":"online"}`. -1: neither that nor its opposite. */
int tb_mqtt_parse_alive(const TbMqttOutlet *outlet, const char *payload);
double tb_mqtt_parse_watts(const TbMqttOutlet *outlet, const char *payload); /* NAN: none */

/* --- streams: entries with "topic", "at" (a JSON pointer; else the message is the number) and "time" (where it says when) --- */
bool tb_mqtt_check_streams(const json_t *streams, GError **error); /* TB_ERROR_INVALID with the field */
/* What a message says of a stream: a number, a text that begins with one, true and false, on and off; `*ret_t_ms`: 0: now. False: none. */
bool tb_mqtt_parse_stream(const TbDeclared *row, const char *payload, double *ret_value, gint64 *ret_t_ms);
