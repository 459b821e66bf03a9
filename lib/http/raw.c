/*
 * NULs in a request's head. libmicrohttpd hands names, values and the target on as C strings: what stands behind a
 * NUL is hidden from us, and may not be from a proxy before us. It parses in place, so what it hides still lies
 * between two of its strings: in 0.9.75 each header ends with one or two NULs (its LF or CRLF) right before the next
 * one's name, and the target with one right before the version. A value that lies elsewhere was put together from a
 * folded line, which RFC 9112, 5.2, lets us refuse; so does 2.2 a CR alone, which would pass for one of those NULs.
 * With another version of the library nothing is looked at (library.h).
 */
#include <string.h>

#include "lib/http/library.h"
#include "lib/http/private.h"

bool tb_raw_method_is_whole(const char *method, const char *uri)
{
        if (!tb_library_is_proven())
                return true;
        for (method += strlen(method) + 1; method < uri && *method == ' ';)
                method++;
        return method == uri;
}

bool tb_raw_target_is_whole(const char *uri)
{
        return !tb_library_is_proven() || strncmp(uri + strlen(uri) + 1, "HTTP/", 5) == 0;
}

typedef struct Walk {
        const char *begin, *end; /* of the head */
        const char *last;        /* where the header before ended */
        bool hidden;
} Walk;

static bool only_nuls(const char *from, const char *to, gsize most)
{
        if (from > to || (gsize)(to - from) > most)
                return false;
        for (; from < to; from++)
                if (*from)
                        return false;
        return true;
}

static enum MHD_Result look(void *cls, enum MHD_ValueKind kind G_GNUC_UNUSED, const char *name,
                            const char *value)
{
        Walk *walk = cls;
        if (walk->last)
                walk->hidden = walk->hidden || !only_nuls(walk->last, name, 2);
        if (!value || strchr(name, '\r') || strchr(value, '\r') || name < walk->begin || value < name ||
            value >= walk->end) {
                walk->hidden = true;
                return MHD_NO;
        }
        walk->last = value + strlen(value);
        return walk->hidden ? MHD_NO : MHD_YES;
}

bool tb_raw_head_is_whole(struct MHD_Connection *connection, const char *method)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
        if (!tb_library_is_proven() || !info)
                return true;
        Walk walk = {.begin = method, .end = method + info->header_size};
        MHD_get_connection_values(connection, MHD_HEADER_KIND, look, &walk);
        return !walk.hidden && (!walk.last || only_nuls(walk.last, walk.end, 4));
}
