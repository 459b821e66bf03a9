/* Clips into a folder: a share that is mounted, a second disk. A file has its name when all of it is there. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "host/uplink/paced.h"
#include "host/uplink/target_private.h"
#include "lib/error.h"

#define BLOCK 65536

static bool fail(const TbUplinkTarget *t, const char *what, int code, GError **error)
{
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s: %s %s", t->words, what, g_strerror(code));
        return false;
}

static bool copy(const TbUplinkTarget *t, const TbUplinkClip *clip, GInputStream *in, int to, GError **error)
{
        g_autofree char *block = g_malloc(BLOCK);
        gssize n;
        while ((n = g_input_stream_read(in, block, BLOCK, clip->cancel, error)) > 0)
                for (gssize at = 0, wrote; at < n; at += wrote)
                        if ((wrote = write(to, block + at, (gsize)(n - at))) <= 0) {
                                if (wrote < 0 && errno == EINTR) {
                                        wrote = 0;
                                        continue;
                                }
                                return fail(t, "a file cannot be written:", wrote < 0 ? errno : ENOSPC,
                                            error);
                        }
        return n == 0;
}

bool tb_uplink_to_folder(TbUplinkTarget *t, TbUplinkClip *clip, const char *file, GError **error)
{
        const char *root = json_string_value(json_object_get(t->said, "folder"));
        g_autofree char *here = g_build_filename(clip->folder, file, NULL),
                        *folder = g_build_filename(root, clip->name, NULL),
                        *whole = g_build_filename(folder, file, NULL),
                        *part = g_strconcat(whole, ".part", NULL);
        gint64 size;
        if (!g_file_test(root, G_FILE_TEST_IS_DIR)) /* a share that is not mounted must not fill this disk */
                return fail(t, "it is not there:", ENOENT, error);
        if (g_mkdir_with_parents(folder, 0750) != 0)
                return fail(t, "a folder cannot be made:", errno, error);
        g_autoptr(GInputStream) in = tb_paced_open(here, t->kbps, clip->progress, clip->data, &size, error);
        if (!in)
                return false;
        int to = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (to < 0)
                return fail(t, "a file cannot be made:", errno, error);
        bool ok = copy(t, clip, in, to, error);
        if (ok && fsync(to) != 0)
                ok = fail(t, "a file cannot be written:", errno, error);
        if (close(to) != 0 && ok)
                ok = fail(t, "a file cannot be written:", errno, error);
        if (ok && g_rename(part, whole) != 0)
                ok = fail(t, "a file cannot be named:", errno, error);
        if (!ok)
                g_unlink(part);
        return ok;
}
