#pragma once
/*
 * What the pairing server may do here. Its word about who somebody is, and of which role, counts only up to the
 * ceiling of the configuration (`server: {role, allow}`); what runs programs or changes the bench stays with this
 * machine unless the configuration says otherwise. The mark of such an actor is the end of its name, which nobody
 * else can have: so name and ceiling cannot part on the way from a socket to a command. Main thread.
 */
#include "host/core/core.h"
#include "lib/places.h" /* TB_VIA_SERVER */

typedef enum TbAllow {                           /* words of server.allow */
                       TB_ALLOW_ATTACH = 1 << 0, /* attach, change, remove devices */
                       TB_ALLOW_EXEC = 1 << 1,   /* attach drivers that start programs */
                       TB_ALLOW_SHELL = 1 << 2,
                       TB_ALLOW_FILES = 1 << 3,
                       TB_ALLOW_APPS = 1 << 4,
} TbAllow;

/* "alice (via server)"; with `link` (nullable) "alice, link p7 (via server)": who holds a link that alice made. What
 * cannot be printed is replaced. The caller frees. */
char *tb_via_server_user(const char *user, const char *link);
bool tb_is_via_server(const char *user);
/* At most the configuration's. */
TbRole tb_via_server_role(TbCore *core, TbRole role);

/* For pools that are shared (lib/places.h). */
TbPlaceBy tb_actor_place(const TbActor *actor);

/* The checks, for every actor; who does not come from the server passes. `kind`: of the verb's interface; -1: a verb of
 * the device itself, of least role `role`. TB_ERROR_FORBIDDEN names the word that would allow it. */
bool tb_ceiling_verb(TbCore *core, const TbActor *actor, int kind, TbRole role, const char *verb,
                     GError **error);
bool tb_ceiling_attach(TbCore *core, const TbActor *actor, json_t *spec, GError **error); /* spec: nullable */
