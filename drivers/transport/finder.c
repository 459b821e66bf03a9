#include "drivers/transport/finder.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/limits.h"

#define RETRY_FIRST_MS 500
#define SPARE_FDS 8 /* that a look may need at once: a folder, an attribute, a device's node */

bool tb_finder_open(TbFinder *f, const TbFinderOps *ops, GError **error)
{
        f->ops = ops;
        f->owed = f->all = ops->subsystems != NULL;
        f->period_us = G_MAXINT64;
        f->next_us = 0;
        f->retry_ms = RETRY_FIRST_MS;
        f->left_out = NULL;
        f->offers = tb_offers_new(&f->base);
        if (!ops->subsystems)
                return true;
        /* Listening begins before the first look, so nothing falls in between. */
        f->hotplug = tb_hotplug_open(ops->source, ops->subsystems, error);
        return f->hotplug != NULL;
}

void tb_finder_look_in(TbFinder *f, int ms)
{
        f->period_us = g_get_monotonic_time() + ms * G_TIME_SPAN_MILLISECOND;
}

void tb_finder_warn(TbFinder *f, const char *reason)
{
        f->base.fault(&f->base, reason);
}

void tb_finder_close(TbFinder *f)
{
        g_clear_pointer(&f->hotplug, tb_hotplug_close);
        g_clear_pointer(&f->offers, tb_offers_free);
        g_clear_pointer(&f->failed, g_free);
}

void tb_finder_event(TbFinder *f, const char *type, json_t *data_take)
{
        f->base.event(&f->base, type, data_take ? tb_offers_fit(data_take) : NULL);
}

/* --- what was told of the finder itself --- */
static void say_failed(TbFinder *f, const char *reason)
{
        if (f->failed && g_str_equal(f->failed, reason))
                return;
        g_free(f->failed);
        f->failed = g_strdup(reason);
        f->base.fault(&f->base, reason);
}

static void say_well(TbFinder *f)
{
        const char *left_out = tb_offers_left_out(f->offers);
        bool news = f->failed || f->left_out != left_out;

        g_clear_pointer(&f->failed, g_free);
        f->left_out = left_out;
        if (news)
                f->base.fault(&f->base, left_out);
}

/* --- looking --- */
/* Whoever reads folders without a descriptor for it finds them empty: better no look. */
static bool descriptors_left(GError **error)
{
        int fds[SPARE_FDS], n = 0, errnum = 0;

        while (n < SPARE_FDS && (fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
                n++;
        if (n < SPARE_FDS)
                errnum = errno;
        while (n > 0)
                close(fds[--n]);
        if (errnum)
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "cannot look for hardware: %s; what was found before is shown meanwhile",
                             g_strerror(errnum));
        return errnum == 0;
}

/* Many changes put the next look off, so that no device can fill the bus. */
static void paced(TbFinder *f, guint news, gint64 now_us)
{
        tb_bucket_charge(&f->news, TB_LIMIT_FOUND_PER_S, TB_LIMIT_FOUND_BURST, news, now_us);
        double owed_s = MAX(0, -f->news.tokens / TB_LIMIT_FOUND_PER_S);
        f->next_us = now_us + MAX(TB_LIMIT_LOOK_PAUSE_MS * G_TIME_SPAN_MILLISECOND,
                                  (gint64)(owed_s * G_TIME_SPAN_SECOND));
}

static void look(TbFinder *f, TbIo *io)
{
        g_autoptr(GError) error = NULL;

        tb_offers_begin(f->offers);
        bool ok = descriptors_left(&error) && f->ops->look(f, io, f->all, &error);
        gint64 now = g_get_monotonic_time();

        if (!ok) {
                tb_offers_abort(f->offers);
                if (g_error_matches(error, TB_ERROR, TB_ERROR_INTERRUPTED))
                        return; /* still owed */
                say_failed(f, tb_error_detail(error));
                f->next_us = now + f->retry_ms * G_TIME_SPAN_MILLISECOND;
                f->retry_ms = MIN(f->retry_ms * 2, TB_LIMIT_OPEN_RETRY_MS);
                f->owed = f->all = true;
                return;
        }
        paced(f, tb_offers_end(f->offers), now);
        say_well(f);
        f->retry_ms = RETRY_FIRST_MS;
        f->owed = f->all = false;
        if (f->hotplug)
                f->period_us = now + TB_SYSDEV_RESCAN_MS * G_TIME_SPAN_MILLISECOND;
}

static void look_if_due(TbFinder *f, TbIo *io)
{
        gint64 now = g_get_monotonic_time();

        if (now >= f->period_us)
                f->owed = f->all = true;
        if (f->owed && now >= f->next_us)
                look(f, io);
}

/* --- listening --- */
static bool hotplug_read(TbFinder *f, short revents, GError **error)
{
        bool any = false;

        for (;;) {
                g_auto(TbUevent) event = {0};
                if (!tb_hotplug_next(f->hotplug, &event))
                        break;
                any = true;
                if (f->ops->uevent)
                        f->ops->uevent(f, &event);
        }
        if (tb_hotplug_overflowed(f->hotplug))
                f->all = true;
        else if (!any && (revents & POLLIN) == 0) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "the kernel closed the socket of its hot-plug events");
                return false;
        }
        f->owed = true;
        return true;
}

static int wait_ms(const TbFinder *f)
{
        gint64 until = f->owed ? f->next_us : f->period_us, now = g_get_monotonic_time();

        if (until == G_MAXINT64)
                return -1;
        return until <= now ? 0 : (int)MIN((until - now + 999) / 1000, G_MAXINT);
}

bool tb_finder_pump(TbFinder *f, TbIo *io, GError **error)
{
        struct pollfd fds[1 + TB_FINDER_FDS] = {{.fd = -1}};
        guint n = 0;

        if (f->hotplug)
                fds[n++] = (struct pollfd){.fd = tb_hotplug_fd(f->hotplug), .events = POLLIN};
        struct pollfd *own = fds + n;
        guint n_own = f->ops->listen && !f->owed ? f->ops->listen(f, own) : 0;
        TbWait wait = tb_io_wait(io, fds, n + n_own, wait_ms(f));

        if (wait == TB_WAIT_WAKE || wait == TB_WAIT_STOP)
                return true;
        if (n > 0 && fds[0].revents && !hotplug_read(f, fds[0].revents, error))
                return false;
        bool ready = false, wanted = false;
        for (guint i = 0; i < n_own; i++)
                ready |= own[i].revents != 0;
        if (ready && !f->ops->heard(f, io, own, &wanted, error))
                return false;
        f->owed |= wanted;
        look_if_due(f, io);
        return true;
}

bool tb_finder_discovery_pump(TbDiscovery *self, TbIo *io, GError **error)
{
        return tb_finder_pump((TbFinder *)self, io, error);
}

void tb_finder_discovery_close(TbDiscovery *self)
{
        tb_finder_close((TbFinder *)self);
}
