#include "lib/error.h"

#include <stdarg.h>

#include "lib/limits.h"
#include "lib/text.h"

/* The blamed field is part of the error itself (GLib's extended errors): prefixes and copies keep it. */
typedef struct TbErrorPrivate {
        char *field; /* owned; NULL: none */
} TbErrorPrivate;

static void tb_error_private_init(TbErrorPrivate *priv)
{
        priv->field = NULL;
}

static void tb_error_private_copy(const TbErrorPrivate *from, TbErrorPrivate *to)
{
        to->field = g_strdup(from->field);
}

static void tb_error_private_clear(TbErrorPrivate *priv)
{
        g_free(priv->field);
}

G_DEFINE_EXTENDED_ERROR(TbError, tb_error)

/* Registered before there is a second thread: GLib's lock around the registration is not seen by
 * ThreadSanitizer. */
__attribute__((constructor)) static void register_domain(void)
{
        tb_error_quark();
}

static const struct {
        int status;
        const char *type, *title;
} table[TB_ERROR_CODES] = {
        [TB_ERROR_INVALID] = {400, "invalid", "Bad request"},
        [TB_ERROR_UNAUTHORIZED] = {401, "unauthorized", "Unauthorized"},
        [TB_ERROR_CREDITS] = {402, "credits", "Payment required"},
        [TB_ERROR_FORBIDDEN] = {403, "forbidden", "Forbidden"},
        [TB_ERROR_NOT_FOUND] = {404, "not-found", "Not found"},
        [TB_ERROR_METHOD] = {405, "method", "Method not allowed"},
        [TB_ERROR_BUSY] = {409, "busy", "Conflict"},
        [TB_ERROR_GONE] = {410, "gone", "Gone"},
        [TB_ERROR_PRECONDITION] = {412, "precondition", "Precondition failed"},
        [TB_ERROR_TOO_LARGE] = {413, "too-large", "Content too large"},
        [TB_ERROR_MEDIA_TYPE] = {415, "media-type", "Unsupported media type"},
        [TB_ERROR_UNPROCESSABLE] = {422, "unprocessable", "Unprocessable"},
        [TB_ERROR_LOCKED] = {423, "locked", "Locked"},
        [TB_ERROR_LIMIT] = {429, "limit", "Too many requests"},
        [TB_ERROR_INTERNAL] = {500, "internal", "Internal error"},
        [TB_ERROR_UNSUPPORTED] = {501, "unsupported", "Not supported"},
        [TB_ERROR_DEVICE] = {502, "device", "Device error"},
        [TB_ERROR_UNAVAILABLE] = {503, "unavailable", "Unavailable"},
        [TB_ERROR_TIMEOUT] = {504, "timeout", "Timeout"},
        [TB_ERROR_INTERRUPTED] = {503, "interrupted", "Interrupted"},
};

/* What devices and people said stands in many messages, which go to pages, terminals and logs: here it is made fit for them. Owned. */
static G_GNUC_PRINTF(1, 0) char *message_of(const char *format, va_list args)
{
        return tb_text_shown(g_strdup_vprintf(format, args));
}

void tb_set_error(GError **error, TbErrorCode code, const char *format, ...)
{
        if (!error)
                return;
        va_list args;
        va_start(args, format);
        g_autofree char *message = message_of(format, args);
        va_end(args);
        *error = g_error_new_literal(TB_ERROR, (int)code, message);
}

void tb_error_prefix(GError **error, const char *format, ...)
{
        if (!error || !*error)
                return;
        va_list args;
        va_start(args, format);
        g_autofree char *prefix = message_of(format, args);
        va_end(args);
        g_prefix_error_literal(error, prefix);
}

void tb_error_suffix(GError **error, const char *format, ...)
{
        if (!error || !*error)
                return;
        va_list args;
        va_start(args, format);
        g_autofree char *suffix = message_of(format, args), *before = (*error)->message;
        va_end(args);
        (*error)->message = g_strconcat(before, suffix, NULL);
}

void tb_error_set_field(GError **error, TbErrorCode code, const char *field, const char *format, ...)
{
        if (!error)
                return;
        va_list args;
        va_start(args, format);
        g_autofree char *message = message_of(format, args);
        va_end(args);
        *error = g_error_new_literal(TB_ERROR, (int)code, message);
        tb_error_get_private(*error)->field = g_strdup(field);
}

const char *tb_error_field(const GError *error)
{
        return error->domain == TB_ERROR ? tb_error_get_private(error)->field : NULL;
}

const char *tb_error_detail(const GError *error)
{
        return error->message;
}

static TbErrorCode code_of(const GError *error)
{
        if (error->domain != TB_ERROR || error->code < 0 || error->code >= TB_ERROR_CODES)
                return TB_ERROR_INTERNAL;
        return (TbErrorCode)error->code;
}

int tb_error_status(const GError *error)
{
        return table[code_of(error)].status;
}

const char *tb_error_title(const GError *error)
{
        return table[code_of(error)].title;
}

const char *tb_status_title(int status)
{
        for (guint i = 0; i < TB_ERROR_CODES; i++)
                if (table[i].status == status)
                        return table[i].title;
        return "Error";
}

json_t *tb_error_to_json(const GError *error)
{
        const char *field = tb_error_field(error);
        /* a message that is long, or not UTF-8, must still reach the user */
        g_autofree char *detail = tb_text_cut(tb_error_detail(error), TB_LIMIT_DETAIL);
        json_t *o = json_pack("{s:i, s:s, s:s}", "status", tb_error_status(error), "title",
                              tb_error_title(error), "detail", detail);
        if (field) {
                g_autofree char *blamed = tb_text_cut(field, TB_LIMIT_FIELD);
                json_object_set_new(o, "field", json_string(blamed));
        }
        return o;
}

json_t *tb_error_to_problem(const GError *error, json_t *extra)
{
        json_t *o = tb_error_to_json(error);
        g_autofree char *type = g_strconcat("urn:testbed:problem:", table[code_of(error)].type, NULL);
        json_object_set_new(o, "type", json_string(type));
        if (extra)
                json_object_update_missing(o, extra);
        return o;
}
