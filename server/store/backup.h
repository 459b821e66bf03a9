#pragma once
/*
 * A copy of the server's database while that is in use: SQLite's own backup, consistent to a transaction. Writers go on; what
 * they change meanwhile is in it or is not, whole.
 */
#include <glib.h>
#include <stdbool.h>

/* `from`: the database; `to`: the copy, 0600, which must not exist: nothing is ever written over. It is there when it is complete
 * and was checked, and else not at all. Errors name the file. Blocks; for a program of its own. */
bool tb_db_backup(const char *from, const char *to, GError **error);
