/* A target of Prometheus as sensors: what it says of itself is asked for, and what was chosen of it told. */
#include <string.h>

#include "drivers/prometheus/prometheus_proto.h"
#include "drivers/transport/http_device.h"
#include "lib/limits.h"

#define PORT 9100

typedef struct Sum {
        double value; /* of all series that match */
        guint n;
        gint64 t_ms;
        double before; /* NAN: none */
} Sum;

typedef struct Target {
        TbInstance base;
        TbHttpDevice http;
        TbDeclared *rows;
        Sum *sums;
        guint n;
        gint64 then_us; /* when `before` was read */
        bool missing;   /* the last answer had not all that was chosen */
} Target;

static const TbParam params[] = {
        {.name = "path",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 1024,
         .fallback = "\"/metrics\"",
         .help = "where it says it, with a query where it needs one"},
        TB_DECLARED_PARAM("{\"stream\": \"load\", \"metric\": \"node_load1\", \"labels\": {}, \"rate\": "
                          "false, \"unit\": \"1\"}; several series that match are added "
                          "up; rate: of a counter, how much more it is each second"),
        TB_HTTP_DEVICE_PARAMS,
        TB_HTTP_DEVICE_TLS_PARAM,
        {.name = "interval_ms",
         .type = TB_PARAM_INT,
         .min = 500,
         .max = 3600000,
         .fallback = "5000",
         .unit = "ms",
         .help = "pause between two looks"},
        TB_PARAM_END,
};

static void add(const TbPrometheusSeries *series, gpointer data)
{
        Target *t = data;
        for (guint i = 0; i < t->n; i++)
                if (tb_prometheus_matches(&t->rows[i], series)) {
                        t->sums[i].value += series->value;
                        t->sums[i].t_ms = series->t_ms;
                        t->sums[i].n++;
                }
}

/* A counter that is less than before began anew: nothing is known of the time in between. */
static void tell(Target *t, guint i, gint64 now_us)
{
        Sum *s = &t->sums[i];
        const TbDeclared *row = &t->rows[i];
        double seconds = (double)(now_us - t->then_us) / G_USEC_PER_SEC;
        if (!json_is_true(json_object_get(row->more, "rate")))
                tb_declared_tell(&t->base, row, s->value, s->t_ms);
        else if (!isnan(s->before) && s->value >= s->before && seconds > 0)
                tb_declared_tell(&t->base, row, (s->value - s->before) / seconds, s->t_ms);
        s->before = s->value;
}

static bool take(Target *t, GBytes *body, GError **error)
{
        gsize size;
        const char *bytes = g_bytes_get_data(body, &size);
        g_autofree char *text = g_strndup(bytes ? bytes : "", size);
        gint64 now_us = g_get_monotonic_time();
        const char *missing = NULL;
        for (guint i = 0; i < t->n; i++)
                t->sums[i] = (Sum){0, 0, 0, t->sums[i].before};
        if (strlen(text) < size || !tb_prometheus_parse(text, add, t))
                return tb_http_device_foreign(&t->http, "what it sends is not Prometheus' text format",
                                              error);
        for (guint i = 0; i < t->n; i++)
                if (t->sums[i].n > 0)
                        tell(t, i, now_us);
                else
                        missing = missing ? missing : tb_declared_text(&t->rows[i], "metric");
        t->then_us = now_us;
        t->missing = missing != NULL;
        if (missing)
                tb_set_error(error, TB_ERROR_DEVICE, "the %s at %s has no %s with these labels", t->http.what,
                             t->http.where, missing);
        return !missing;
}

static bool scrape(TbInstance *self, TbIo *io, GError **error)
{
        Target *t = (Target *)self;
        g_autofree char *url =
                g_strconcat(t->http.origin, json_string_value(json_object_get(self->params, "path")), NULL);
        static const char *const headers[] = {"Accept", "text/plain;version=0.0.4", NULL};
        const TbHttpCall call = {.method = "GET",
                                 .url = url,
                                 .headers = headers,
                                 .user = t->http.user,
                                 .password = t->http.password,
                                 .auth = &t->http.auth,
                                 .who = t->http.where,
                                 .unverified = t->http.unverified,
                                 .timeout_ms = t->http.timeout_ms,
                                 .limit = TB_LIMIT_SCRAPE};
        TbHttpAnswer answer = {0};
        GError *why = NULL;
        if (!tb_http_call(io, &call, &answer, &why))
                return tb_http_device_absent(&t->http, why, error);
        bool good = answer.status == 200 && take(t, answer.body, error);
        if (answer.status == 401 || answer.status == 403)
                tb_set_error(error, TB_ERROR_DEVICE,
                             "the %s at %s refuses: correct \"user\" and \"password\" of this attachment",
                             t->http.what, t->http.where);
        else if (answer.status != 200)
                tb_set_error(error, TB_ERROR_DEVICE,
                             "the %s at %s answers with status %d: is \"path\" right?", t->http.what,
                             t->http.where, answer.status);
        tb_http_answer_clear(&answer);
        return good;
}

static bool target_open(TbInstance *self, TbIo *io, GError **error)
{
        Target *t = (Target *)self;
        tb_http_device_init(&t->http, self, "Prometheus target", NULL, self->uri->port > 0 ? 0 : PORT);
        t->rows = tb_declared_of(json_object_get(self->params, "streams"), &t->n);
        t->sums = g_new0(Sum, t->n);
        for (guint i = 0; i < t->n; i++)
                t->sums[i].before = NAN;
        g_autoptr(GError) why = NULL;
        t->missing = false;
        if (scrape(self, io, &why) || t->missing) /* what is missing is a fault of the sample: it may come */
                return true;
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

static void target_close(TbInstance *self)
{
        Target *t = (Target *)self;
        tb_http_device_clear(&t->http);
        g_clear_pointer(&t->rows, g_free);
        g_clear_pointer(&t->sums, g_free);
}

static bool check(const TbUri *uri, json_t *p, GError **error)
{
        if (!json_object_get(p, "streams")) {
                tb_error_set_field(
                        error, TB_ERROR_INVALID, "streams",
                        "say which metrics: streams=[{\"stream\":\"load\",\"metric\":\"node_load1\"}]; a "
                        "target has thousands");
                return false;
        }
        if (json_string_value(json_object_get(p, "path"))[0] != '/') {
                tb_error_set_field(error, TB_ERROR_INVALID, "path", "a path begins with /");
                return false;
        }
        return tb_http_device_check(uri, p, error) &&
               tb_prometheus_check(json_object_get(p, "streams"), error);
}

static const TbSensorOps sensors = {.interval_ms = 5000, .sample = scrape};
static const TbLane lanes[] = {{.name = "sensors",
                                .size = sizeof(Target),
                                .open = target_open,
                                .close = target_close,
                                .sensors = &sensors},
                               {.name = NULL}};

const TbDriver tb_driver_prometheus = {
        .name = "prometheus",
        .summary = "A target of Prometheus (node_exporter, a device's /metrics): chosen metrics as sensors, "
                   "counters as rates.",
        .example = "prometheus://10.0.0.7:9100?streams=[{\"stream\":\"load\",\"metric\":\"node_load1\"}]",
        .params = params,
        .check = check,
        .lanes = lanes,
};
