#pragma once
/*
 * What of an attachment is secret, and the one place where a text that may hold it is made fit for users. Nothing
 * that a driver says (errors, reasons, events) leaves its lane but through these functions (host/core/lanes), so a
 * driver that puts a URL, a request or a device's echo of it into a text gives nothing away.
 *
 * Filled once, then only read: any thread.
 */
#include <glib.h>
#include <jansson.h>

#define TB_SECRET_MIN 4 /* bytes */

typedef struct TbSecrets TbSecrets;

TbSecrets *tb_secrets_new(void);
void tb_secrets_free(TbSecrets *secrets); /* accepts NULL; overwrites what it held */
/* As it is and as a URL has it. NULL and values shorter than TB_SECRET_MIN bytes are left out: every text would
 * hold them by chance. */
void tb_secrets_add(TbSecrets *secrets, const char *value);

/* `text` with "***" for each of them. NULL gives NULL. The caller frees. `secrets` may be NULL: a copy. */
char *tb_secrets_hide(const TbSecrets *secrets, const char *text);
/* The same for every string in a JSON value. Takes it; the caller owns what is returned. */
json_t *tb_secrets_hide_json(const TbSecrets *secrets, json_t *value_take);
/* The same for the message of an error; accepts NULL. */
void tb_secrets_hide_error(const TbSecrets *secrets, GError *error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbSecrets, tb_secrets_free)
