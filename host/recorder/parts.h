#pragma once
/* What is sent as one: bytes in memory, and files, one behind the other. One thread at a time. */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/pipe.h"

typedef struct TbParts TbParts;

TbParts *tb_parts_new(void);
void tb_parts_free(TbParts *parts);              /* accepts NULL */
bool tb_parts_file(TbParts *parts, int fd_take); /* as large as it is now; false: it is no file */
void tb_parts_memory(TbParts *parts, const void *bytes, gsize size); /* copied */
gint64 tb_parts_size(const TbParts *parts);
/* `n` bytes from `from` on, then the pipe's end, or why not. Waits for whoever reads. */
void tb_parts_write(TbParts *parts, gint64 from, gint64 n, TbPipe *pipe);
/* A tar (POSIX ustar) of a clip's folder: what it has of files, clip.json, and a page that shows them without us, all in a folder
 * `name`. False: the clip was removed meanwhile, and it is not whole. */
bool tb_parts_bundle(TbParts *parts, const char *folder, const char *name, const json_t *clip);
