#pragma once
/* From one store into another: what a server kept in a file goes on in a database. */
#include "server/store/db.h"

/*
 * Copies every table of the file `from` (SQLite, of this program's schema or an older one, which is brought up to it) into the
 * store `where` of `engine`, in one transaction: all of it is there, or nothing. Refused: a file that is not there, a store in
 * which something is kept already, one that a server is using. *ret_rows: how many rows went over. Blocks; for a program of its own.
 */
bool tb_db_import(const char *from, const TbDbEngine *engine, const char *where, guint64 *ret_rows,
                  GError **error);
