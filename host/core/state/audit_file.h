#pragma once
/* audit.jsonl on the disk: appended to, bounded, of whole lines. One thread (disk.c's), blocking. */
#include <glib.h>

#include "lib/statefile.h"

typedef struct TbAuditFile TbAuditFile;

TbAuditFile *tb_audit_file_new(void);        /* opened by the first write */
void tb_audit_file_close(TbAuditFile *file); /* and frees; NULL is allowed */
/* NULL: written; else why not, in words; the caller frees. */
char *tb_audit_file_write(TbAuditFile *file, TbStateDir *dir, const char *line);
/* The line that says how many there was no room for; the caller frees. */
char *tb_audit_file_more(guint64 more);
