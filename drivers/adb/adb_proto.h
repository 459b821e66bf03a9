#pragma once
/*
 * The ADB client protocol, pure: what is sent to the adb server and what comes back (smart socket, shell v2,
 * sync).
 *
 * Sources: AOSP packages/modules/adb OVERVIEW.TXT, SERVICES.TXT, SYNC.TXT, shell_protocol.h,
 * file_sync_protocol.h. Parsers follow one contract: n > 0 bytes consumed, 0 = need more, -1 = not ADB.
 * Numbers on the wire are little-endian, the smart socket's lengths four hex digits. Nothing here blocks,
 * logs or owns what it is given. Any thread.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_ADB_SERVICE_MAX 0xffff      /* hex4 */
#define TB_ADB_SHELL_MAX (1024 * 1024) /* bytes of one shell packet: adbd's own limit */
#define TB_ADB_SYNC_DATA (64 * 1024)   /* bytes of one DATA chunk */
#define TB_ADB_SYNC_PATH 1024
#define TB_ADB_NAME_MAX 4096 /* bytes of a name in a listing */

/* --- smart socket --- */
/* "000chost:version"; NULL when the service is longer than hex4 can say. The caller frees. */
char *tb_adb_request(const char *service);
/* OKAY or FAIL + hex4 + message. *ret_message (owned) only for FAIL; *ret_ok always. */
gssize tb_adb_parse_status(const guint8 *data, gsize size, bool *ret_ok, char **ret_message);
/* hex4 + text. *ret_text is owned. */
gssize tb_adb_parse_text(const guint8 *data, gsize size, char **ret_text);

typedef struct TbAdbDevice {
        char *serial;
        char *state;                    /* "device", "offline", "unauthorized", "no permissions", … */
        char *usb;                      /* "1-1.4"; NULL: not by USB */
        char *product, *model, *device; /* NULL: not said */
} TbAdbDevice;
void tb_adb_device_free(TbAdbDevice *device);
/* Both forms: `devices` (serial TAB state) and `devices-l`. Lines that are neither (a daemon's chatter) are
 * skipped. Owned TbAdbDevice. */
GPtrArray *tb_adb_parse_devices(const char *text);

/* --- shell v2 --- */
typedef enum TbAdbShellId {
        TB_ADB_SHELL_STDIN,
        TB_ADB_SHELL_STDOUT,
        TB_ADB_SHELL_STDERR,
        TB_ADB_SHELL_EXIT,
        TB_ADB_SHELL_CLOSE_STDIN,
        TB_ADB_SHELL_WINDOW,
} TbAdbShellId;
typedef struct TbAdbShellPacket {
        guint8 id;
        const guint8 *data; /* borrowed from the input */
        guint32 size;
} TbAdbShellPacket;
gssize tb_adb_parse_shell(const guint8 *data, gsize size, TbAdbShellPacket *ret);
void tb_adb_append_shell(GByteArray *out, guint8 id, const void *data, guint32 size);

/* --- sync --- */
typedef struct TbAdbStat {
        guint32 error; /* errno of the device, v2 only */
        guint32 mode;  /* with file type; 0: missing (v1) */
        guint64 size;
        gint64 mtime_s;
} TbAdbStat;
/* id + u32 length + path. */
void tb_adb_append_sync(GByteArray *out, const char id[4], const void *data, guint32 size);
/* The answer to STAT (v1: 16 bytes) or STA2/LST2 (72 bytes). */
gssize tb_adb_parse_stat(const guint8 *data, gsize size, TbAdbStat *ret);
/* One DENT/DNT2 (then *ret_name is set, owned) or DONE (NULL). v2: the 76-byte form. */
gssize tb_adb_parse_entry(const guint8 *data, gsize size, bool v2, TbAdbStat *ret, char **ret_name);

typedef enum TbAdbSyncKind {
        TB_ADB_SYNC_OKAY,
        TB_ADB_SYNC_FAIL,
        TB_ADB_SYNC_DATA_CHUNK,
        TB_ADB_SYNC_DONE
} TbAdbSyncKind;
/* The 8 bytes before a chunk, an end or a message: *ret_size bytes follow for DATA and FAIL. */
gssize tb_adb_parse_sync_head(const guint8 *data, gsize size, TbAdbSyncKind *ret_kind, guint32 *ret_size);

/* --- screencap --- */
typedef struct TbAdbPicture {
        guint32 width, height;
        guint32 format; /* 1 RGBA_8888, 2 RGBX_8888, 3 RGB_888, 4 RGB_565, 5 BGRA_8888 */
        guint bytes_per_pixel;
        gsize header; /* 12 before Android 9, 16 since */
        gsize total;  /* header + pixels */
} TbAdbPicture;
/* Fills what the first 12 bytes tell; `header` is 16, the caller corrects it by the total length
 * (tb_adb_picture_fit). 12, 0 or -1. */
gssize tb_adb_parse_picture(const guint8 *data, gsize size, TbAdbPicture *ret);
/* True when `total` bytes are exactly such a picture; sets header and total. */
bool tb_adb_picture_fit(TbAdbPicture *picture, gsize total);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbAdbDevice, tb_adb_device_free)
