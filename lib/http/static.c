#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/descriptors.h"
#include "lib/error.h"
#include "lib/http/private.h"
#include "lib/json.h"
#include "lib/limits.h"

/* A folder that is served; its vendor folders are entries of their own, tried before it. */
struct TbHttpStatic {
        char *prefix; /* owned; "/", "/docs/" */
        char *root;   /* owned; real path */
};

void tb_static_free(gpointer p)
{
        TbHttpStatic *entry = p;
        g_free(entry->prefix);
        g_free(entry->root);
        g_free(entry);
}

static const char *type_of(const char *path)
{
        static const struct {
                const char *ending, *type;
        } types[] = {
                {".html", "text/html; charset=utf-8"},
                {".js", "text/javascript; charset=utf-8"},
                {".mjs", "text/javascript; charset=utf-8"},
                {".css", "text/css; charset=utf-8"},
                {".json", "application/json"},
                {".map", "application/json"},
                {".svg", "image/svg+xml"},
                {".png", "image/png"},
                {".jpg", "image/jpeg"},
                {".ico", "image/x-icon"},
                {".webp", "image/webp"},
                {".woff2", "font/woff2"},
                {".woff", "font/woff"},
                {".ttf", "font/ttf"},
                {".wasm", "application/wasm"},
                {".txt", "text/plain; charset=utf-8"},
                {".md", "text/plain; charset=utf-8"},
                {".oga", "audio/ogg"},
                {".mp3", "audio/mpeg"},
                {".webmanifest", "application/manifest+json"},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
                if (g_str_has_suffix(path, types[i].ending))
                        return types[i].type;
        return "application/octet-stream";
}

/* --- one file --- */
static bool same_tag(const char *header, const char *tag)
{
        if (!header)
                return false;
        if (strcmp(header, "*") == 0)
                return true;
        const char *found = strstr(header, tag); /* the tag has its quotes: no part of another one matches */
        return found != NULL;
}

/* Whether Accept-Encoding takes `coding` (RFC 9110, 12.5.3): named, or by "*", with a weight that is not 0. */
static bool accepts(TbRequest *request, const char *coding)
{
        g_auto(GStrv) items = g_strsplit(tb_request_header(request, "Accept-Encoding") ?: "", ",", 32);
        bool any = false;
        for (char **item = items; *item; item++) {
                g_auto(GStrv) parts = g_strsplit(*item, ";", 2);
                const char *name = parts[0] ? g_strstrip(parts[0]) : "";
                const char *q = parts[0] && parts[1] ? strchr(parts[1], '=') : NULL;
                bool takes = !q || g_ascii_strtod(q + 1, NULL) > 0;
                if (g_ascii_strcasecmp(name, coding) == 0)
                        return takes;
                if (strcmp(name, "*") == 0)
                        any = takes;
        }
        return any;
}

/* What is beside a file, in order of preference; `tag` tells their ETags apart, although they are made at one time. */
static const struct Coding {
        const char *name, *ending, *tag;
} codings[] = {{"br", ".br", "b"}, {"gzip", ".gz", "z"}};

/* --- what pages are made of, kept in memory: an answer that nobody reads must hold no descriptor --- */
typedef struct Page {
        struct timespec changed;
        GBytes *bytes; /* ref */
} Page;

static void page_free(gpointer p)
{
        g_bytes_unref(((Page *)p)->bytes);
        g_free(p);
}

/* The whole file; NULL: it is no longer as `st` says. */
static GBytes *read_all(int fd, const struct stat *st)
{
        gsize size = (gsize)st->st_size;
        g_autofree char *bytes = g_malloc(size + 1);
        for (gsize at = 0; at < size;) {
                ssize_t n = pread(fd, bytes + at, size - at, (off_t)at);
                if (n <= 0 && errno != EINTR)
                        return NULL;
                at += (gsize)MAX(n, 0);
        }
        return g_bytes_new_take(g_steal_pointer(&bytes), size);
}

/* A reference; NULL: too large to keep, or it changes at the moment. */
static GBytes *page_of(TbHttp *http, const char *path, int fd, const struct stat *st)
{
        Page *kept = http->pages ? g_hash_table_lookup(http->pages, path) : NULL;
        if (kept && memcmp(&kept->changed, &st->st_mtim, sizeof kept->changed) == 0 &&
            g_bytes_get_size(kept->bytes) == (gsize)st->st_size)
                return g_bytes_ref(kept->bytes);
        if (kept) {
                http->pages_bytes -= g_bytes_get_size(kept->bytes);
                g_hash_table_remove(http->pages, path);
        }
        if (http->pages_bytes + (gsize)st->st_size > TB_LIMIT_HTTP_PAGES)
                return NULL;
        GBytes *bytes = read_all(fd, st);
        if (!bytes)
                return NULL;
        if (!http->pages)
                http->pages = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, page_free);
        Page *page = g_new(Page, 1);
        *page = (Page){st->st_mtim, g_bytes_ref(bytes)};
        g_hash_table_insert(http->pages, g_strdup(path), page);
        http->pages_bytes += (gsize)st->st_size;
        return bytes;
}

static int open_regular(const char *path, struct stat *ret_stat)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd >= 0 && (fstat(fd, ret_stat) < 0 || !S_ISREG(ret_stat->st_mode))) {
                close(fd);
                return -1;
        }
        return fd;
}

/* False, and nothing answered, when it is no readable file. */
static bool reply_file(TbRequest *request, const char *path)
{
        struct stat st;
        const struct Coding *coding = NULL;
        g_autofree char *packed = NULL;
        int fd = -1;
        if (tb_ask_refuses_stream(request))
                return true;
        for (gsize i = 0; i < G_N_ELEMENTS(codings) && fd < 0; i++) {
                if (!accepts(request, codings[i].name))
                        continue;
                g_free(packed);
                packed = g_strconcat(path, codings[i].ending, NULL);
                fd = open_regular(packed, &st);
                coding = fd >= 0 ? &codings[i] : NULL;
        }
        if (fd < 0)
                fd = open_regular(path, &st);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
                tb_descriptors_ask();
                tb_request_add_header(request, "Retry-After", "1");
                tb_respond_error(request, TB_ERROR_UNAVAILABLE, "no open files are left: try again later");
                return true;
        }
        if (fd < 0)
                return false;
        g_autofree char *tag = g_strdup_printf("\"%llx-%llx%s\"",
                                               (unsigned long long)st.st_mtim.tv_sec * 1000000000ull +
                                                       (unsigned long long)st.st_mtim.tv_nsec,
                                               (unsigned long long)st.st_size, coding ? coding->tag : "");
        tb_respond_page_headers(request);
        tb_request_add_header(request, "ETag", tag);
        tb_request_add_header(request, "Cache-Control",
                              "no-cache"); /* keep, but ask: a 304 is cheap and an old page is not */
        tb_request_add_header(request, "Vary", "Accept-Encoding");
        if (same_tag(tb_request_header(request, "If-None-Match"), tag)) {
                close(fd);
                tb_request_reply_empty(request, 304);
                return true;
        }
        tb_request_add_header(request, "Content-Type", type_of(path));
        if (coding)
                tb_request_add_header(request, "Content-Encoding", coding->name);
        g_autoptr(GBytes) page = page_of(request->http, coding ? packed : path, fd, &st);
        if (page)
                close(fd);
        tb_respond(request, 200,
                   page ? tb_respond_shared(request, page)
                        : MHD_create_response_from_fd64((uint64_t)st.st_size, fd));
        return true;
}

void tb_request_reply_file(TbRequest *request, const char *path)
{
        if (!reply_file(request, path))
                tb_respond_error(request, TB_ERROR_NOT_FOUND, "the page is not installed");
}

/* --- folders --- */
/* Every segment decoded; none may be empty, hidden, or hold a separator. NULL: refused. The last may be
 * empty: a folder. */
static char *safe_path(const char *encoded)
{
        g_autofree char *path = tb_percent_decode(encoded, strlen(encoded), false);
        if (!path || strchr(path, '\\') || strlen(path) >= PATH_MAX)
                return NULL;
        for (const char *p = path; *p;) {
                gsize n = strcspn(p, "/");
                if (n == 0 || *p == '.')
                        return NULL;
                p += n + (p[n] == '/');
        }
        return g_steal_pointer(&path);
}

static bool is_below(const char *root, const char *path)
{
        gsize n = strlen(root);
        return strncmp(root, path, n) == 0 &&
               (path[n] == '/' || path[n] == '\0' || (n > 0 && root[n - 1] == '/'));
}

static bool try_entry(const TbHttpStatic *entry, TbRequest *request)
{
        if (!g_str_has_prefix(request->path, entry->prefix))
                return false;
        g_autofree char *relative = safe_path(request->path + strlen(entry->prefix));
        if (!relative)
                return false;
        g_autofree char *joined = g_build_filename(entry->root, relative, NULL), *real = NULL;
        char *resolved = realpath(joined, NULL); /* symbolic links must not lead out */
        real = g_strdup(resolved);
        free(resolved);
        struct stat st;
        if (!real || !is_below(entry->root, real) || stat(real, &st) < 0)
                return false;
        if (!S_ISDIR(st.st_mode))
                return reply_file(request, real);
        g_autofree char *index = g_build_filename(real, "index.html", NULL);
        if (*relative != '\0' && !g_str_has_suffix(relative, "/")) {
                if (access(index, R_OK) < 0)
                        return false;
                const char *name = strrchr(request->path, '/') + 1;
                g_autofree char *location =
                        g_strconcat("./", name, "/", NULL); /* relative: right below any prefix */
                tb_request_add_header(request, "Location", location);
                tb_request_reply_empty(request, 301);
                return true;
        }
        return reply_file(request, index);
}

bool tb_static_try(TbHttp *http, TbRequest *request)
{
        if (!request->is_head && strcmp(request->method, "GET") != 0)
                return false;
        for (guint i = 0; i < http->statics->len; i++)
                if (try_entry(g_ptr_array_index(http->statics, i), request))
                        return true;
        return false;
}

static bool add_entry(TbHttp *http, const char *prefix, const char *directory, GError **error)
{
        char *root = realpath(directory, NULL);
        struct stat st;
        if (!root || stat(root, &st) < 0 || !S_ISDIR(st.st_mode)) {
                tb_set_error(error, TB_ERROR_NOT_FOUND, "%s: %s", directory,
                             root ? "not a folder" : g_strerror(errno));
                free(root);
                return false;
        }
        TbHttpStatic *entry = g_new0(TbHttpStatic, 1);
        entry->prefix = g_strdup(prefix);
        entry->root = g_strdup(root);
        free(root);
        g_ptr_array_add(http->statics, entry);
        return true;
}

bool tb_http_add_static(TbHttp *http, const char *prefix, const char *directory, const char *vendor_json,
                        GError **error)
{
        json_t *vendor =
                vendor_json ? tb_json_parse_kept(vendor_json, strlen(vendor_json), error) : json_object();
        const char *name;
        json_t *folder;
        bool ok = vendor != NULL;
        json_object_foreach (vendor, name, folder) {
                g_autofree char *below = g_strconcat(prefix, "vendor/", name, "/", NULL);
                const char *path = json_string_value(folder);
                g_autofree char *full =
                        path ? (g_path_is_absolute(path) ? g_strdup(path)
                                                         : g_build_filename(directory, path, NULL))
                             : NULL;
                if (!full)
                        tb_set_error(error, TB_ERROR_INVALID, "vendor folder %s must be a string", name);
                ok = ok && full && add_entry(http, below, full, error);
        }
        json_decref(vendor);
        return ok && add_entry(http, prefix, directory, error);
}
