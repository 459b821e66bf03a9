#pragma once
/*
 * Passwords: argon2id by libsodium, whose text has the salt and the cost in it. It is made to be slow and to take memory, so it runs
 * on threads of its own, TB_LIMIT_PASSWORD_THREADS at once; what waits is bounded (TB_LIMIT_PASSWORD_QUEUE). Main thread, but
 * for what says otherwise.
 */
#include <glib.h>
#include <stdbool.h>

/* Whether it may become somebody's: TB_LIMIT_PASSWORD_MIN to TB_LIMIT_PASSWORD characters of UTF-8 without control characters, not his
 * name, and not one character all over. Any thread. */
bool tb_password_is_good(const char *password, const char *user, GError **error);
/* Both wait, some tenths of a second. The text; NULL: no memory is left. The caller frees. */
char *tb_password_hash_now(const char *password);
/* `text` NULL: nobody has it; that takes as long, and is false. */
bool tb_password_verify_now(const char *password, const char *text);
bool tb_password_is_text(const char *text); /* it looks like what tb_password_hash_now() gives */
void tb_password_wipe(char *password);      /* overwrites; NULL is fine */

typedef struct TbHasher TbHasher;
TbHasher *tb_hasher_new(GError **error); /* NULL with TB_ERROR_UNAVAILABLE: no thread is left */
/* Waits for what is under way; nothing is called any more. NULL is fine. */
void tb_hasher_free(TbHasher *hasher);
/* `done` runs later, once: `right`: it is that password; `text`: the new one's, or NULL when none was wanted. Borrowed. */
typedef void (*TbHashed)(bool right, const char *text, gpointer data);
/* Looks whether `password` is that of `text` (NULL: nobody's; `check` false: is not looked at), and then, if it is, makes the text
 * of `wanted` (NULL: of none). All are copied. False with TB_ERROR_UNAVAILABLE: too many wait; `done` does not run. */
bool tb_hasher_start(TbHasher *hasher, const char *password, bool check, const char *text, const char *wanted,
                     TbHashed done, gpointer data, GError **error);
guint tb_hasher_waiting(TbHasher *hasher);
