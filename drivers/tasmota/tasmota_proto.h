#pragma once
/*
 * What Tasmota says over HTTP (`GET /cm?cmnd=…`). Pure. Sources: tasmota/docs (9849ab94) Commands.md,
 * JSON-Status-Responses.md, devices/Sonoff-Pow-R2.md; pdudaemon (91261da) drivers/tasmota.py.
 */
#include "drivers/transport/plug.h"

/* Path and query; user and password travel in it (NULL: none), escaped. The caller frees. */
char *tb_tasmota_target(const char *command, const char *user, const char *password);
/* "Power" with the number of the relay, counted from 0. One command sets and, without a value, asks. The caller frees. */
char *tb_tasmota_power(int output, const char *value);

/* `{"WARNING":…}`, `{"Command":"Unknown"}`: refused. `why`: static, with what to do. False: nothing is wrong. */
bool tb_tasmota_refuses(const json_t *answer, const char **ret_why);
/* Status 5 */
bool tb_tasmota_parse_id(const json_t *answer, char ret_id[TB_PLUG_ID]);
/* Status 11, with `StatusSNS` of Status 10 in it where the device measures. */
bool tb_tasmota_parse(const json_t *answer, int output, TbPlugState *ret, GError **error);
