#pragma once
/*
 * What Tapo plugs say inside of KLAP or of securePassthrough: JSON, the same in both. Pure. Sources: python-kasa (a29d0610)
 * kasa/protocols/smartprotocol.py, kasa/exceptions.py, kasa/smart/, tests/fixtures/smart/; plugp100 (d22edfa)
 * plugp100/protocol/securepassthrough_transport.py.
 */
#include "drivers/transport/plug.h"

typedef enum TbTapoAnswer {
        TB_TAPO_FINE,
        TB_TAPO_AGAIN,   /* the session is over, or it stumbled: once more, in a new one */
        TB_TAPO_ACCOUNT, /* user or password */
        TB_TAPO_REFUSED  /* for good */
} TbTapoAnswer;

/* {"method":…}, with `params_take` (NULL: none); of one outlet when `child` is not NULL. New reference. */
json_t *tb_tapo_request(const char *method, json_t *params_take, const char *child);
/* What became of a request; *ret_result (borrowed; NULL: there is none) of the outlet, where it was for one. */
TbTapoAnswer tb_tapo_judge(const json_t *answer, const char *child, const json_t **ret_result,
                           json_int_t *ret_code);

/* Of get_device_info's result. */
bool tb_tapo_parse_id(const json_t *info, char ret_id[TB_PLUG_ID]);
/* Of component_nego's result: which version of this part it has; 0: none. */
int tb_tapo_has(const json_t *components, const char *part);
/* Of get_child_device_list's result: the outlet, counted from 0 in the order of its slots; borrowed. NULL: UNPROCESSABLE. */
const json_t *tb_tapo_child(const json_t *list, int output, GError **error);
/* The account as securePassthrough wants it: Base64 of the user's hash, and of the password or, for `version` 2, of its hash. New
 * reference. */
json_t *tb_tapo_login(const char *user, const char *password, int version);
/* `info`: of the plug or of the outlet; `usage`, `meter`: results of get_energy_usage and get_emeter_data; NULL: none. */
bool tb_tapo_parse(const json_t *info, const json_t *usage, const json_t *meter, TbPlugState *ret,
                   GError **error);
