/* Sensors that send lines: over a serial line, TCP, a UNIX socket, or UDP. */
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/line/line_proto.h"
#include "drivers/transport/line.h"
#include "lib/limits.h"

#define BAD_MOST 20 /* lines in a row that say nothing: it is another format, or another baud rate */
#define TELL_US (60 * G_USEC_PER_SEC) /* how often garbage among good lines is told */

typedef struct Sender {
        TbLine line;
        TbLineProto *proto;
        int udp;          /* -1: not by UDP */
        GByteArray *held; /* of a line whose end did not come; owned */
        bool skipping;    /* a line that is too long */
        guint bad;        /* in a row */
        guint64 garbage;  /* lines since it was told */
        gint64 told_us;   /* 0: never */
        bool faulty;
        char *why; /* owned: the last line that said nothing, as texts may hold it */
} Sender;

static const TbParam params[] = {
        TB_LINE_PARAMS,
        TB_TTY_PARAMS("9600"),
        {.name = "transport",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("stream", "udp"),
         .fallback = "\"stream\"",
         .help = "udp: datagrams to this machine's address and port that the URI names; stream: TCP, a "
                 "socket or a serial line"},
        {.name = "format",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("auto", "json", "csv", "nmea", "values", "regex"),
         .fallback = "\"auto\"",
         .help = "what a line is; auto: by each line, JSON, NMEA 0183, name=value or CSV"},
        {.name = "hello",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 1024,
         .help = "a line that is sent first: ?WATCH={\"enable\":true,\"nmea\":true} for gpsd"},
        {.name = "separator",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES(",", ";", "tab", "|", " "),
         .fallback = "\",\"",
         .help = "between the columns of CSV"},
        {.name = "columns",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 4096,
         .help = "what the columns of CSV are called, by commas; else its first line says it"},
        {.name = "pattern",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 1024,
         .help = "of format regex: T=(?<temperature>[-0-9.]+); or with groups name, value and unit"},
        {.name = "time",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 256,
         .help = "where a line says when it was measured: a JSON pointer, column or group"},
        TB_DECLARED_PARAM("{\"stream\": \"room\", \"at\": \"/temp\", \"unit\": \"Cel\", \"scale\": 0.1}; at: "
                          "a JSON pointer, column, name or group; else all numbers are"),
        TB_PARAM_END,
};

static bool is_udp(const json_t *p)
{
        return g_strcmp0(json_string_value(json_object_get(p, "transport")), "udp") == 0;
}

static bool check(const TbUri *uri, json_t *p, GError **error)
{
        TbLineProto *proto = tb_line_proto_new(p, error);
        tb_line_proto_free(proto);
        if (!proto)
                return false;
        if (!is_udp(p))
                return tb_line_check(uri, p, error);
        if (*uri->host && uri->port > 0 && !*uri->path)
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                           "name an address of this machine and a port: line://0.0.0.0:5005?transport=udp");
        return false;
}

/* --- UDP --- */
static int bind_udp(const TbUri *uri, GError **error)
{
        struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST | AI_PASSIVE},
                        *found = NULL;
        g_autofree char *port = g_strdup_printf("%d", uri->port), *host = g_strdup(uri->host);
        gsize n = strlen(host);
        if (n > 2 && host[0] == '[')
                host[n - 1] = '\0';
        const char *name = host[0] == '[' ? host + 1 : strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
        if (getaddrinfo(name, port, &hints, &found) != 0) {
                tb_set_error(error, TB_ERROR_GONE,
                             "%s: by UDP an address of this machine is named, 0.0.0.0 for all", uri->shown);
                return -1;
        }
        int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) < 0) {
                tb_set_error(error, TB_ERROR_GONE, "%s: cannot listen there: %s", uri->shown,
                             g_strerror(errno));
                if (fd >= 0)
                        close(fd);
                fd = -1;
        }
        freeaddrinfo(found);
        return fd;
}

/* --- the lane --- */
static bool sender_open(TbInstance *self, TbIo *io, GError **error)
{
        Sender *s = (Sender *)self;
        const char *hello = json_string_value(json_object_get(self->params, "hello"));
        s->udp = -1;
        s->held = g_byte_array_new();
        s->proto = tb_line_proto_new(self->params, error);
        s->skipping = s->faulty = false;
        s->bad = 0;
        if (!s->proto)
                return false;
        if (is_udp(self->params))
                return (s->udp = bind_udp(self->uri, error)) >= 0;
        if (!tb_line_open(self, io, error))
                return false;
        g_autofree char *text = hello ? g_strconcat(hello, "\r\n", NULL) : NULL;
        return !text || tb_transport_write(s->line.link, io, text, strlen(text), 5000, error);
}

static void sender_close(TbInstance *self)
{
        Sender *s = (Sender *)self;
        tb_line_close(self);
        if (s->udp >= 0)
                close(s->udp);
        s->udp = -1;
        g_clear_pointer(&s->held, g_byte_array_unref);
        g_clear_pointer(&s->proto, tb_line_proto_free);
}

static void sender_finalize(TbInstance *self)
{
        g_free(((Sender *)self)->why);
}

static void each(const TbSample *sample, gpointer data)
{
        TbInstance *self = data;
        self->up->sample(self, sample);
}

/* A few bad lines are an event now and then; nothing but bad lines is a fault. */
static void garbage(Sender *s, const char *line, gsize size, const char *expected)
{
        TbInstance *self = &s->line.base;
        s->garbage++;
        s->bad++;
        if (s->bad != BAD_MOST && s->garbage != 1)
                return;
        g_autofree char *shown = g_utf8_make_valid(line, (gssize)MIN(size, 60));
        for (char *c = shown; *c; c++)
                if (g_ascii_iscntrl(*c))
                        *c = '?';
        g_free(s->why);
        s->why = g_strdup_printf("%s sends \"%s\": expected are %s", self->uri->shown, shown, expected);
        if (s->bad < BAD_MOST || s->faulty)
                return;
        s->faulty = true;
        self->up->fault(self, s->why);
}

static void tell_garbage(Sender *s)
{
        TbInstance *self = &s->line.base;
        gint64 now = g_get_monotonic_time();
        if (s->garbage == 0 || (s->told_us && now - s->told_us < TELL_US))
                return;
        self->up->event(self, "garbage",
                        json_pack("{s:I, s:s}", "lines", (json_int_t)s->garbage, "text", s->why));
        s->garbage = 0;
        s->told_us = now;
}

static void take_line(Sender *s, const char *line, gsize size)
{
        TbInstance *self = &s->line.base;
        const char *expected = "";
        if (size > 0 && line[size - 1] == '\r')
                size--;
        if (!tb_line_proto_parse(s->proto, line, size, each, self, &expected)) {
                garbage(s, line, size, expected);
                return;
        }
        s->bad = size > 0 ? 0 : s->bad;
        if (s->faulty && s->bad == 0) {
                s->faulty = false;
                self->up->fault(self, NULL);
        }
}

static void take(Sender *s, const char *data, gsize size, bool ended)
{
        for (gsize at = 0; at < size;) {
                const char *end = memchr(data + at, '\n', size - at);
                gsize n = end ? (gsize)(end - data) - at : size - at;
                bool whole = end || ended;
                if (!s->skipping && s->held->len + n > TB_LIMIT_SENSOR_LINE) {
                        g_byte_array_append(s->held, (const guint8 *)data + at, (guint)MIN(n, 60));
                        garbage(s, (const char *)s->held->data, s->held->len, "lines of 4096 bytes at most");
                        g_byte_array_set_size(s->held, 0);
                        s->skipping = true;
                }
                if (!s->skipping && whole && s->held->len == 0) {
                        take_line(s, data + at, n);
                } else if (!s->skipping) {
                        g_byte_array_append(s->held, (const guint8 *)data + at, (guint)n);
                        if (whole)
                                take_line(s, (const char *)s->held->data, s->held->len);
                }
                if (whole) {
                        g_byte_array_set_size(s->held, 0);
                        s->skipping = false;
                }
                at += n + 1;
        }
        tell_garbage(s);
}

static bool sender_pump(TbInstance *self, TbIo *io, GError **error)
{
        Sender *s = (Sender *)self;
        char data[16384];
        struct pollfd p = {.fd = s->udp >= 0 ? s->udp : tb_transport_fd(s->line.link), .events = POLLIN};
        if (tb_io_wait(io, &p, 1, -1) != TB_WAIT_READY)
                return true;
        for (guint turn = 0; turn < 16; turn++) {
                gssize n = s->udp >= 0 ? recv(s->udp, data, sizeof data, 0)
                                       : tb_transport_read_now(s->line.link, data, sizeof data, error);
                if (n < 0 && s->udp < 0)
                        return false;
                if (n <= 0)
                        return true;
                take(s, data, (gsize)n, s->udp >= 0);
        }
        return true;
}

static const TbSensorOps sensors = {.sample = NULL};
static const TbLane lanes[] = {
        {.name = "sensors",
         .size = sizeof(Sender),
         .open = sender_open,
         .close = sender_close,
         .pump = sender_pump,
         .finalize = sender_finalize,
         .sensors = &sensors},
        {.name = NULL},
};

const TbDriver tb_driver_line = {
        .name = "line",
        .summary = "Sensors that send lines: JSON, CSV, NMEA 0183, name=value, or what a pattern says; "
                   "serial, TCP, UDP.",
        .example = "line://10.0.0.7:4001?format=nmea",
        .params = params,
        .check = check,
        .lanes = lanes,
};
