/*
 * adb_install.c - an app, put on a phone by a session of its package manager, as adb's install-multiple does: one APK, or the parts of a
 * bundle (adb_bundle.h), all or none.
 *
 * What is uploaded is first received into an unlinked file: its package name is read from its manifest before the phone gets it, and the
 * phone must be told its size before its bytes. The parts of a bundle are unpacked on their way. A session that was begun is committed or
 * abandoned. Source: AOSP PackageManagerShellCommand (install-create, install-write, install-commit, install-abandon).
 */
#include "drivers/adb/adb_lanes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "drivers/adb/adb_apk.h"
#include "drivers/adb/adb_bundle.h"
#include "drivers/adb/adb_dump.h"
#include "lib/limits.h"

#define INSTALL_MS 300000 /* dexopt on an old phone */
#define ABANDON_US (5 * G_USEC_PER_SEC)
#define CHUNK ((gsize)256 * 1024)

typedef struct Install {
        TbInstance *self;
        TbIo *io;
        const char *serial; /* borrowed: for what is said */
        char session[24];   /* the phone's number of it; "": none is open */
        guint8 *chunk;      /* owned: CHUNK bytes */
} Install;

/* An unlinked file with what was uploaded, mapped. */
typedef struct Spool {
        int fd;
        guint8 *data;
        gsize size;
} Spool;

static void spool_clear(Spool *s)
{
        if (s->data != NULL)
                munmap(s->data, s->size);
        if (s->fd >= 0)
                close(s->fd);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Spool, spool_clear)

static bool spool_open(Spool *s, const TbInstance *self, GError **error)
{
        s->fd = open(self->run_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (s->fd < 0)
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "this host cannot keep the app's package while it is sent: %s",
                             g_strerror(errno));
        return s->fd >= 0;
}

static bool spool_add(const Spool *s, const guint8 *data, gsize size, GError **error)
{
        for (gsize at = 0; at < size;) {
                gssize w = write(s->fd, data + at, size - at);
                if (w <= 0) {
                        tb_set_error(error, TB_ERROR_UNAVAILABLE,
                                     "this host has no room for the app's package: %s", g_strerror(errno));
                        return false;
                }
                at += (gsize)w;
        }
        return true;
}

static bool spool_map(Spool *s, gint64 size, GError **error)
{
        void *map = size > 0 ? mmap(NULL, (gsize)size, PROT_READ, MAP_PRIVATE, s->fd, 0) : MAP_FAILED;

        if (map == MAP_FAILED) {
                tb_set_error(error, TB_ERROR_INVALID, "not an APK: empty body");
                return false;
        }
        s->data = map;
        s->size = (gsize)size;
        return true;
}

static bool receive(Install *in, Spool *s, TbPipe *from, GError **error)
{
        gint64 size = 0;
        gssize n;

        while ((n = tb_pipe_read(from, in->chunk, CHUNK, error)) > 0) {
                size += n;
                if (!tb_adb_apk_size(size, error) || !spool_add(s, in->chunk, (gsize)n, error))
                        return false;
        }
        return n == 0 && spool_map(s, size, error);
}

/* --- the phone's side --- */

/* What the package manager says, up to its end of the stream; UNPROCESSABLE with its words unless that is a success. Owned. */
static char *verdict(Install *in, TbTransport *link, GError **error)
{
        g_autoptr(GString) text = g_string_new(NULL);
        char some[1024];
        gssize n;

        while ((n = tb_transport_read(link, in->io, some, sizeof(some), INSTALL_MS, error)) > 0)
                if (text->len < TB_LIMIT_LINE)
                        g_string_append_len(text, some, n);
        if (n < 0)
                return NULL;
        if (strstr(text->str, "Success") != NULL)
                return g_string_free(g_steal_pointer(&text), FALSE);
        g_autofree char *failure = tb_adb_failure(text->str);
        g_autofree char *said = g_utf8_make_valid(failure != NULL ? failure : g_strstrip(text->str), -1);
        tb_set_error(error, TB_ERROR_UNPROCESSABLE, "%s refused the app: %s", in->serial,
                     *said != '\0' ? said : "it said nothing");
        return NULL;
}

static TbTransport *manager(Install *in, const char *arguments, GError **error)
{
        g_autofree char *service = g_strdup_printf("exec:cmd package %s 2>&1", arguments);

        return tb_adb_service(in->io, &((TbAdbLane *)in->self)->target, service, error);
}

static char *tell(Install *in, const char *arguments, GError **error)
{
        g_autoptr(TbTransport) link = manager(in, arguments, error);

        return link != NULL ? verdict(in, link, error) : NULL;
}

/* "Success: created install session [1234567]" */
static bool begin(Install *in, gint64 size, GError **error)
{
        /* what a lab builds is often for tests only, or older than what is there */
        bool grants = json_is_true(json_object_get(in->self->params, "grant"));
        g_autofree char *arguments = g_strdup_printf("install-create -r -t -d %s-S %" G_GINT64_FORMAT,
                                                     grants ? "-g " : "", size),
                        *said = tell(in, arguments, error);
        const char *number = said != NULL ? strchr(said, '[') : NULL;
        gsize n = number != NULL ? strspn(number + 1, "0123456789") : 0;

        if (said == NULL)
                return false;
        if (n == 0 || n >= sizeof(in->session)) {
                tb_set_error(error, TB_ERROR_DEVICE, "%s began to install, but told no number of the session",
                             in->serial);
                return false;
        }
        memcpy(in->session, number + 1, n);
        return true;
}

/* Bytes of a part: of an entry of the archive, or of all that was uploaded. 0 = end. */
static gssize read_part(Install *in, const Spool *s, zip_file_t *entry, guint64 at, GError **error)
{
        gssize n = entry != NULL ? (gssize)zip_fread(entry, in->chunk, CHUNK)
                                 : pread(s->fd, in->chunk, CHUNK, (off_t)at);

        if (n < 0)
                tb_set_error(error, entry != NULL ? TB_ERROR_INVALID : TB_ERROR_INTERNAL, "%s: %s",
                             entry != NULL ? "the bundle is damaged"
                                           : "what was received cannot be read again",
                             entry != NULL ? zip_file_strerror(entry) : g_strerror(errno));
        return n;
}

/* `entry` NULL: what was uploaded is the part. */
static bool send_part(Install *in, const Spool *s, const TbAdbPart *part, zip_file_t *entry, GError **error)
{
        g_autofree char *arguments = g_strdup_printf("install-write -S %" G_GUINT64_FORMAT " %s %s -",
                                                     part->size, in->session, part->name);
        g_autoptr(TbTransport) link = manager(in, arguments, error);
        g_autoptr(GError) broke = NULL;
        gssize n;

        if (link == NULL)
                return false;
        for (guint64 at = 0; at < part->size && broke == NULL; at += (guint64)n) {
                n = read_part(in, s, entry, at, error);
                if (n < 0)
                        return false;
                if (n == 0) {
                        tb_set_error(error, TB_ERROR_INVALID, "%s is shorter than the archive says",
                                     part->name);
                        return false;
                }
                tb_transport_write(link, in->io, in->chunk, (gsize)n, INSTALL_MS, &broke);
        }
        if (entry != NULL && broke == NULL) { /* libzip checks what it read at an entry's end */
                n = read_part(in, s, entry, 0, error);
                if (n > 0)
                        tb_set_error(error, TB_ERROR_INVALID, "%s is longer than the archive says",
                                     part->name);
                if (n != 0)
                        return false;
        }
        /* it may refuse early: then its words count */
        g_autoptr(GError) refused = NULL;
        g_autofree char *said = verdict(in, link, &refused);
        if (said != NULL && broke == NULL)
                return true;
        g_propagate_error(error, broke != NULL && !g_error_matches(refused, TB_ERROR, TB_ERROR_UNPROCESSABLE)
                                         ? g_steal_pointer(&broke)
                                         : g_steal_pointer(&refused));
        return false;
}

static bool commit(Install *in, GError **error)
{
        g_autofree char *arguments = g_strdup_printf("install-commit %s", in->session),
                        *said = tell(in, arguments, error);

        if (said != NULL)
                in->session[0] = '\0';
        return said != NULL;
}

/* Also when its caller has gone away, or the time is over: what a phone keeps of a session is gigabytes. */
static void abandon(Install *in)
{
        /* without an interruptor of ours the phone forgets it when it starts again */
        TbInterruptor *never = in->session[0] != '\0' ? tb_interruptor_try_new(NULL) : NULL;
        if (never == NULL)
                return;
        TbIo io = {.stop = never, .deadline_us = g_get_monotonic_time() + ABANDON_US};
        Install own = *in;
        own.io = &io;
        g_autofree char *arguments = g_strdup_printf("install-abandon %s", in->session), *said = NULL;
        said = tell(&own, arguments, NULL);
        tb_interruptor_free(never);
}

/* --- what was uploaded --- */

static bool install_one(Install *in, const Spool *s, char **ret_package, GError **error)
{
        const TbAdbPart part = {.name = (char *)"base.apk", .size = s->size};
        g_autofree char *package = tb_adb_apk_package(s->data, s->size, error);

        if (package == NULL || !begin(in, (gint64)s->size, error) || !send_part(in, s, &part, NULL, error) ||
            !commit(in, error))
                return false;
        *ret_package = g_steal_pointer(&package);
        return true;
}

/* Every part of an app names it: the smallest one is unpacked to be asked. */
static char *package_of(Install *in, zip_t *zip, const TbAdbPart *part, GError **error)
{
        g_auto(Spool) s = {.fd = -1};
        g_autoptr(zip_file_t) entry = tb_adb_zip_entry(zip, part->index, error);
        guint64 at = 0;
        gssize n;

        if (entry == NULL || !spool_open(&s, in->self, error))
                return NULL;
        while ((n = read_part(in, &s, entry, at, error)) > 0 && (at += (guint64)n) <= part->size)
                if (!spool_add(&s, in->chunk, (gsize)n, error))
                        return NULL;
        return n == 0 && spool_map(&s, (gint64)at, error) ? tb_adb_apk_package(s.data, s.size, error) : NULL;
}

static bool install_bundle(Install *in, const Spool *s, zip_t *zip, char **ret_package, GError **error)
{
        g_autofree char *abis = tb_adb_ask(in->io, &((TbAdbLane *)in->self)->target,
                                           "getprop ro.product.cpu.abilist", NULL, error),
                        *package = NULL;
        g_autoptr(GPtrArray) parts = abis != NULL ? tb_adb_bundle_parts(zip, g_strstrip(abis), error) : NULL;
        gint64 sum = 0;

        if (parts == NULL || (package = package_of(in, zip, g_ptr_array_index(parts, 0), error)) == NULL)
                return false;
        for (guint i = 0; i < parts->len; i++)
                sum += (gint64)((TbAdbPart *)g_ptr_array_index(parts, i))->size;
        if (!begin(in, sum, error))
                return false;
        for (guint i = 0; i < parts->len; i++) {
                const TbAdbPart *part = g_ptr_array_index(parts, i);
                g_autoptr(zip_file_t) entry = tb_adb_zip_entry(zip, part->index, error);
                if (entry == NULL || !send_part(in, s, part, entry, error))
                        return false;
        }
        if (!commit(in, error))
                return false;
        *ret_package = g_steal_pointer(&package);
        return true;
}

bool tb_adb_install(TbInstance *self, TbIo *io, TbPipe *from, gint64 size, char **ret_package, GError **error)
{
        g_autofree guint8 *chunk = g_malloc(CHUNK);
        Install in = {.self = self, .io = io, .serial = ((TbAdbLane *)self)->target.serial, .chunk = chunk};
        g_auto(Spool) s = {.fd = -1};

        if (!tb_adb_apk_size(size, error) || !spool_open(&s, self, error) || !receive(&in, &s, from, error))
                return false;
        g_autoptr(zip_t) zip = tb_adb_zip_open(s.data, s.size, "an APK", error);
        if (zip == NULL)
                return false;
        bool ok = tb_adb_is_bundle(zip) ? install_bundle(&in, &s, zip, ret_package, error)
                                        : install_one(&in, &s, ret_package, error);
        abandon(&in);
        return ok;
}
