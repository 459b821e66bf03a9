#pragma once
/* The section `oidc`: who says who has come, besides this server. */
#include "lib/config.h"
#include "server/oidc/oidc.h"

/* A row of the top table. */
#define TB_CONFIG_OIDC                                                                                       \
        {                                                                                                    \
                .name = "oidc", .type = TB_PARAM_OBJECT, .fallback = "{}",                                   \
                .help = "issuer, client_id, client_secret, role, map: sign-in by OpenID Connect"             \
        }

void tb_config_oidc_read(TbOidcOptions *options, TbConfigReader *reader, const json_t *top);
void tb_config_oidc_environment(TbOidcOptions *options, TbConfigReader *reader);
