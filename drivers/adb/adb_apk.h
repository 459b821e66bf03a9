#pragma once
/*
 * The package name in an APK, read from its bytes (usually a mapped file): zip -> AndroidManifest.xml ->
 * binary XML -> <manifest package="…">. Pure, any thread. Trusts nothing: every offset and length is checked,
 * the manifest is unpacked (adb_zip.h) up to TB_ADB_MANIFEST_MAX. Source: AOSP frameworks/base/libs/androidfw ResourceTypes.h.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_ADB_MANIFEST_MAX (4 * 1024 * 1024)

/* Owned; NULL with TB_ERROR_INVALID that says what is wrong. */
char *tb_adb_apk_package(const guint8 *data, gsize size, GError **error);
/* The second half: from the binary XML. */
char *tb_adb_manifest_package(const guint8 *xml, gsize size, GError **error);

/* False with TB_ERROR_TOO_LARGE: more bytes than a package may have (TB_LIMIT_PACKAGE). */
bool tb_adb_apk_size(gint64 size, GError **error);
