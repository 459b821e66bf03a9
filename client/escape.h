#pragma once
/* The key that opens the menu of a console, and what may not be shown again of what a device once sent. Pure. */
#include <glib.h>
#include <stdbool.h>

typedef enum TbCliKey {
        TB_CLI_KEY_SEND, /* the byte goes to the device */
        TB_CLI_KEY_MENU, /* the menu opens: what the next key means is to be said */
        TB_CLI_KEY_BACK, /* it closes, nothing happens */
        TB_CLI_KEY_POWER,
        TB_CLI_KEY_BREAK,
        TB_CLI_KEY_LOG,
        TB_CLI_KEY_HELP, /* it stays open */
        TB_CLI_KEY_QUIT,
} TbCliKey;

typedef struct TbCliEscape {
        int key; /* the byte that opens it; -1: none */
        bool open;
} TbCliEscape;

/* "^]", "^A" … "^_", or "none". */
bool tb_cli_escape_parse(const char *text, TbCliEscape *ret, GError **error);
/* What the next byte of the terminal means. The key twice is sent once. */
TbCliKey tb_cli_escape_feed(TbCliEscape *e, guint8 byte);
char *tb_cli_escape_name(const TbCliEscape *e); /* "Ctrl-]"; the caller frees */

/*
 * What a device asked of the terminal (where is the cursor, what are you) is answered as if it were typed. In a replay of its
 * history nobody waits for that: such questions are left out of it.
 */
typedef struct TbCliReplay {
        GByteArray *held; /* owned: a sequence that is not whole */
} TbCliReplay;
void tb_cli_replay_init(TbCliReplay *r);
void tb_cli_replay_clear(TbCliReplay *r);
/* Appends to `out` what of the bytes may be shown. */
void tb_cli_replay_feed(TbCliReplay *r, const guint8 *bytes, gsize n, GByteArray *out);
void tb_cli_replay_end(TbCliReplay *r, GByteArray *out); /* what is held, as it is */
