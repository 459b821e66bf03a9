#pragma once
/*
 * Between the files of a phone and adb's sync service (adb_files.c, adb_list.c): a connection, requests, what a path is. Blocking, on the
 * ops lane. Paths are bytes; what an error says of one is UTF-8.
 */
#include "drivers/adb/adb_lanes.h"
#include "drivers/adb/adb_proto.h"

#define TB_ADB_STALL_MS 30000 /* a phone whose storage says nothing for this long is broken */

/* INVALID with the field "path": not absolute, or too long. */
TbTransport *tb_adb_sync_open(TbInstance *self, TbIo *io, const char *path, GError **error);
bool tb_adb_sync_send(TbTransport *link, TbIo *io, const char id[4], const void *data, gsize size,
                      GError **error);
bool tb_adb_sync_broken(TbTransport *link, GError **error); /* always false */
/* The device's words, as one of our errors: always false. */
bool tb_adb_sync_refuse(const char *path, const char *said, GError **error);
/* One question: `ret->error` and `ret->mode` 0 say that there is none. Android 7 (no stat_v2) follows no link. */
bool tb_adb_sync_ask(TbInstance *self, TbTransport *link, TbIo *io, const char *path, TbAdbStat *ret,
                     GError **error);
/* What `path` is, through links. Android 7 follows none and has 32 bits for a size: there a command of the phone is asked, too. */
bool tb_adb_sync_stat(TbInstance *self, TbTransport *link, TbIo *io, const char *path, TbAdbStat *ret,
                      GError **error);

/* adb_list.c */
bool tb_adb_file_list(TbInstance *self, TbIo *io, const char *path, json_t *into, GError **error);
/* A name that is not UTF-8 is listed with U+FFFD in place of what is none: the bytes behind such a path. As given where there is none like
 * it; INVALID where there are several. Owned. */
char *tb_adb_real_path(TbInstance *self, TbIo *io, const char *path, GError **error);
