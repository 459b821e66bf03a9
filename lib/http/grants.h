#pragma once
/*
 * Where somebody may do how much. A caller has a role, the most that he may anywhere; grants say where, and how much there:
 * "lab-1/board operator", "lab-*" viewer. Who has no grants (NULL) has his role everywhere; who has some, nothing beyond them.
 * There is one decision, tb_grants_role(), and everything that names a host or a device asks it. Immutable once it is shared.
 * Pure: any thread.
 *
 * A pattern is HOST/DEVICE, or HOST alone for the host with all that is on it. "*" in either stands for any characters, but
 * for the slash: "lab-*", "lab-1/board", "lab-?" is no pattern.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/http/auth.h"

#define TB_GRANT_PATTERN_RULE                                                                                \
        "HOST/DEVICE, or HOST for all of it: letters, digits, '.', '_', '-', '~', and '*' for any of them"

typedef struct TbGrants TbGrants;

TbGrants *tb_grants_new(void); /* nothing anywhere */
TbGrants *tb_grants_ref(TbGrants *grants);
void tb_grants_unref(TbGrants *grants); /* NULL is fine */
bool tb_grants_pattern_valid(const char *pattern);
void tb_grants_add(TbGrants *grants, const char *pattern, TbRole role); /* before it is shared */
bool tb_grants_equal(const TbGrants *a, const TbGrants *b);
/* The same text for equal grants, and for those alone: what is made for who has them is found by it. */
void tb_grants_append(const TbGrants *grants, GString *out);

/* What a caller with this role may at a device; `device` NULL: at the host itself, with all that is on it. The largest of the
 * grants that match, but never more than `role`; an administrator is not narrowed. TB_ROLE_NONE: he does not even see it. */
TbRole tb_grants_role(const TbGrants *grants, TbRole role, const char *host, const char *device);
/* Whether there is anything on this host for him: it is in lists then, with the devices that he may see. */
bool tb_grants_touch(const TbGrants *grants, TbRole role, const char *host);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbGrants, tb_grants_unref)
