#pragma once
/* A file of the state folder that grows: appended to in whole lines, bounded. When it is full it gets another name, whose file before
 * goes. One thread (disk.c's), blocking. */
#include <glib.h>

#include "lib/statefile.h"

typedef struct TbGrownFile TbGrownFile;

/* Opened by the first write. `name`, `before` (what a full one is called): static. `most`: bytes. */
TbGrownFile *tb_grown_file_new(const char *name, const char *before, gint64 most);
void tb_grown_file_close(TbGrownFile *file); /* and frees; NULL is allowed */
/* One line or several, with their ends. NULL: written; else why not, in words; the caller frees. */
char *tb_grown_file_write(TbGrownFile *file, TbStateDir *dir, const char *lines);
