#pragma once
/*
 * What an upload of apps.install holds: one APK, or a bundle of several that are one app (split APKs): .apks as bundletool and SAI write
 * it, .xapk. Pure but for the bytes it reads; any thread.
 *
 * Of a bundle are taken: of bundletool's the folder splits/ (beside it stand whole apps for phones that know no splits), else all APKs in
 * it; but not those for processors that the phone has not. Sources: bundletool's docs ("build-apks": toc.pb, splits/, standalones/,
 * universal.apk), names of splits: base-arm64_v8a.apk, split_config.arm64_v8a.apk, config.arm64_v8a.apk.
 */
#include "drivers/adb/adb_zip.h"

typedef struct TbAdbPart {
        char *name;    /* owned: of the file in the phone's session: [A-Za-z0-9._-]+.apk, no name twice */
        guint64 index; /* in the archive */
        guint64 size;  /* bytes, unpacked */
} TbAdbPart;
void tb_adb_part_free(TbAdbPart *part);

/* Whether it is a bundle: an archive of APKs without a manifest of its own. */
bool tb_adb_is_bundle(zip_t *zip);
/* Owned TbAdbPart, the smallest one first. `abis`: ro.product.cpu.abilist of the phone, "arm64-v8a,armeabi-v7a"; NULL or "": unknown, all
 * are taken. INVALID: none for this phone, encrypted, more than TB_LIMIT_APP_PARTS, or with data beside the APKs (OBB) that an app would
 * miss. TOO_LARGE: together more than TB_LIMIT_PACKAGE. */
GPtrArray *tb_adb_bundle_parts(zip_t *zip, const char *abis, GError **error);
