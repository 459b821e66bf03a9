#pragma once
/*
 * A daemon's state folder and the small files in it. One place for what every such file needs:
 *   - one daemon per folder: locks of the kernel, gone with the process however it ends;
 *   - no symbolic link inside the folder is followed, files are 0600, folders 0700;
 *   - a file is replaced as a whole or not at all (written beside, fsync, rename, fsync of the folder);
 *   - what cannot be read or understood is never written over: it is kept aside under a name with the date, or, where that
 *     cannot be done, writing to that name is refused.
 * Blocking calls on files of at most TB_LIMIT_STATE_FILE bytes. One thread at a time; tb_state_write(),
 * tb_state_append() and tb_state_rename() may move to another one when all has been loaded.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct TbStateDir TbStateDir;

/*
 * Makes the folder where it is missing, locks it, and removes what a daemon that was killed while it saved has left.
 * `who`: "host", "server": in messages and the lock's name. `whole`: nobody else may use the folder, of another `who` either:
 * then not even removing the lock file lets a second one in. TB_ERROR_BUSY: in use, by whom. A disk that takes no lock is
 * said in the log.
 */
TbStateDir *tb_state_dir_open(const char *path, const char *who, bool whole, GError **error);
void tb_state_dir_close(TbStateDir *dir); /* and unlocks; NULL is allowed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbStateDir, tb_state_dir_close)

/* Folders below, "history/board/console": those that are missing are made. False: not possible, or a symbolic link is there. */
bool tb_state_make_folder(TbStateDir *dir, const char *below, GError **error);

/* `name` in all that follows: one file directly in the folder. */
/* TB_ERROR_NOT_FOUND: there is none. TB_ERROR_TOO_LARGE: more than TB_LIMIT_STATE_FILE. The text is ended by a NUL that is not
 * counted; the caller frees. */
char *tb_state_read(TbStateDir *dir, const char *name, gsize *ret_size, GError **error);
bool tb_state_write(TbStateDir *dir, const char *name, const void *data, gsize size, GError **error);
/* Renames it to NAME.<date>.kept. *ret_kept (nullable): that name; the caller frees. False: it stands where it stood, and
 * tb_state_write() to that name is refused from here on. */
bool tb_state_keep_aside(TbStateDir *dir, const char *name, char **ret_kept, GError **error);
/* The same in any folder, by its descriptor: a file or a folder. False: errno says why. Any thread. */
bool tb_keep_aside_at(int folder, const char *name, char **ret_kept);

/* JSON of the type that is expected; a new reference. NULL without an error: there is no such file. NULL with one: it could not
 * be read or is no such JSON, and was kept aside; the message says where. */
json_t *tb_state_load(TbStateDir *dir, const char *name, json_type type, GError **error);
/* What tb_state_save() writes: the caller free()s. NULL: it cannot be said in JSON. Any thread. */
char *tb_state_text(const json_t *value);
bool tb_state_save(TbStateDir *dir, const char *name, const json_t *value, GError **error);

/* For files that grow: a descriptor to append with; the caller closes. -1: not possible. */
int tb_state_append(TbStateDir *dir, const char *name, GError **error);
bool tb_state_rename(TbStateDir *dir, const char *from, const char *to, GError **error); /* replaces `to` */
