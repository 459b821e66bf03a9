#include "host/media/sound/sound_hub.h"

#include <math.h>

#include "host/media/sound/sound_private.h"
#include "lib/error.h"
#include "lib/log.h"

#define FIRST_SOUND_MS 2000  /* without a block after start: it is said that we wait */
#define LEVEL_OLD_US 1000000 /* a level that is older is none */

static void hub_start(TbSoundHub *hub);

/* --- life --- */
TbSoundHub *tb_sound_hub_new(const char *device, const char *interface, const TbSoundSource *ops,
                             void *source)
{
        TbSoundHub *hub = g_new0(TbSoundHub, 1);
        tb_ref_init(&hub->ref);
        hub->device = g_strdup(device);
        hub->interface = g_strdup(interface);
        hub->ops = ops;
        hub->source = source;
        tb_mutex_init(&hub->lock);
        hub->taps = g_ptr_array_new();
        return hub;
}

TbSoundHub *tb_sound_hub_ref(TbSoundHub *hub)
{
        tb_ref_inc(&hub->ref);
        return hub;
}

/* May run on any thread: everything that belongs to main was ended by tb_sound_hub_retire(). */
void tb_sound_hub_unref(TbSoundHub *hub)
{
        if (!hub || !tb_ref_dec(&hub->ref))
                return;
        g_assert(hub->taps->len == 0 && !hub->ops);
        g_ptr_array_free(hub->taps, TRUE);
        tb_mutex_clear(&hub->lock);
        g_free(hub->device);
        g_free(hub->interface);
        g_free(hub->fault);
        g_free(hub);
}

static void set_state(TbSoundHub *hub, TbHubState state)
{
        if (hub->state == state)
                return;
        hub->state = state;
        tb_log(TB_LOG_DEBUG, TB_F("device", hub->device, "interface", hub->interface), "audio is %s%s%s",
               tb_hub_state_name(state), hub->fault ? ": " : "", hub->fault ? hub->fault : "");
}

/* --- sound: the pushing thread --- */
/* The first block after a start or a fault. Main thread; owns a reference. */
static void sound_comes(gpointer data)
{
        g_autoptr(TbSoundHub) hub = data;
        if (hub->state == TB_HUB_IDLE || (hub->fault && !hub->fault_until_sound))
                return;
        g_clear_handle_id(&hub->first_timer, g_source_remove);
        g_clear_pointer(&hub->fault, g_free);
        set_state(hub, TB_HUB_LIVE);
}

/* Main thread; owns a reference. */
static void level_comes(gpointer data)
{
        g_autoptr(TbSoundHub) hub = data;
        tb_mutex_lock(&hub->lock);
        hub->level_posted = false;
        TbSoundLevel level = hub->level;
        bool heard = hub->running && hub->level_us;
        tb_mutex_unlock(&hub->lock);
        if (heard && hub->watch)
                hub->watch(hub->watch_data, &level);
}

/* With the lock held. True: main is to be told. */
static bool measure(TbSoundHub *hub, const TbSound *sound)
{
        tb_sound_meter_add(&hub->meter, sound);
        if (hub->meter.us < TB_SOUND_LEVEL_MS * 1000 || !tb_sound_meter_take(&hub->meter, &hub->level))
                return false;
        hub->level_us = g_get_monotonic_time();
        bool post = !hub->level_posted;
        hub->level_posted = true;
        return post;
}

static void post(TbSoundHub *hub, void (*call)(gpointer))
{
        if (!tb_main_post(call, tb_sound_hub_ref(hub)))
                tb_sound_hub_unref(hub);
}

void tb_sound_hub_push(TbSoundHub *hub, TbSound *sound)
{
        bool announce = false, tell = false;
        tb_mutex_lock(&hub->lock);
        if (hub->running && !hub->blocked) {
                if (hub->format.rate != sound->format.rate || hub->format.channels != sound->format.channels)
                        hub->clock = (TbSoundClock){0};
                hub->format = sound->format;
                sound->t_us = tb_sound_clock_next(&hub->clock,
                                                  sound->t_us > 0 ? sound->t_us : g_get_monotonic_time(),
                                                  tb_sound_us(sound));
                tell = measure(hub, sound);
                announce = !hub->announced;
                hub->announced = true;
                for (guint i = 0; i < hub->taps->len; i++) {
                        TbSoundTap *tap = g_ptr_array_index(hub->taps, i);
                        tap->heard(tap->data, sound);
                }
        }
        tb_mutex_unlock(&hub->lock);
        tb_sound_unref(sound);
        if (announce)
                post(hub, sound_comes);
        if (tell)
                post(hub, level_comes);
}

static void push_to_hub(void *hub, TbSound *sound)
{
        tb_sound_hub_push(hub, sound);
}

/* --- start and stop of the source --- */
static void set_running(TbSoundHub *hub, bool running)
{
        tb_mutex_lock(&hub->lock);
        hub->running = running;
        hub->announced = false;
        hub->clock = (TbSoundClock){0};
        hub->meter = (TbSoundMeter){0};
        hub->level_us = 0;
        tb_mutex_unlock(&hub->lock);
}

static gboolean first_late(gpointer data)
{
        TbSoundHub *hub = data;
        hub->first_timer = 0;
        if (!hub->fault)
                tb_sound_hub_set_fault(hub, "the device has sent no sound yet", true);
        return G_SOURCE_REMOVE;
}

static gboolean retry(gpointer data)
{
        TbSoundHub *hub = data;
        hub->retry_timer = 0;
        hub_start(hub);
        return G_SOURCE_REMOVE;
}

static void hub_start(TbSoundHub *hub)
{
        g_autoptr(GError) error = NULL;
        if (!hub->ops) {
                set_state(hub, TB_HUB_FAULT);
                return;
        }
        set_running(hub, true);
        if (hub->ops->start(hub->source, push_to_hub, hub, &error)) {
                set_state(hub, hub->fault ? TB_HUB_FAULT : TB_HUB_STARTING);
                hub->first_timer = g_timeout_add(FIRST_SOUND_MS, first_late, hub);
                return;
        }
        set_running(hub, false);
        hub->retry_timer = g_timeout_add(TB_HUB_RETRY_MS, retry, hub);
        if (!hub->fault || hub->fault_until_sound)
                tb_sound_hub_set_fault(hub, error->message, true);
        set_state(hub, TB_HUB_FAULT);
}

static void hub_stop(TbSoundHub *hub)
{
        bool started = hub->state != TB_HUB_IDLE && !hub->retry_timer && hub->ops;
        g_clear_handle_id(&hub->linger_timer, g_source_remove);
        g_clear_handle_id(&hub->retry_timer, g_source_remove);
        g_clear_handle_id(&hub->first_timer, g_source_remove);
        set_running(hub, false);
        if (started)
                hub->ops->stop(hub->source);
        if (hub->fault_until_sound)
                g_clear_pointer(&hub->fault, g_free);
        set_state(hub, TB_HUB_IDLE);
}

static gboolean lingered(gpointer data)
{
        TbSoundHub *hub = data;
        hub->linger_timer = 0;
        hub_stop(hub);
        return G_SOURCE_REMOVE;
}

void tb_sound_hub_acquire(TbSoundHub *hub, bool counted)
{
        tb_assert_main();
        hub->listeners += counted;
        g_clear_handle_id(&hub->linger_timer, g_source_remove);
        if (hub->users++ == 0 && hub->state == TB_HUB_IDLE)
                hub_start(hub);
}

void tb_sound_hub_release(TbSoundHub *hub, bool counted)
{
        tb_assert_main();
        g_assert(hub->users > 0);
        hub->listeners -= counted;
        if (--hub->users > 0)
                return;
        if (hub->ops)
                hub->linger_timer = g_timeout_add(TB_HUB_LINGER_MS, lingered, hub);
        else
                hub_stop(hub);
}

void tb_sound_hub_retire(TbSoundHub *hub, const char *reason)
{
        tb_assert_main();
        hub_stop(hub);
        hub->ops = NULL;
        hub->source = NULL;
        hub->watch = NULL;
        tb_sound_hub_set_fault(hub, reason, false);
        if (hub->users > 0)
                set_state(hub, TB_HUB_FAULT);
}

/* --- faults --- */
void tb_sound_hub_set_fault(TbSoundHub *hub, const char *reason, bool until_sound)
{
        tb_assert_main();
        char *old = hub->fault;
        hub->fault = g_strdup(reason);
        hub->fault_until_sound = reason && until_sound;
        g_free(old);
        tb_mutex_lock(&hub->lock);
        hub->blocked = reason && !until_sound;
        hub->announced = false;
        if (reason)
                hub->level_us = 0;
        tb_mutex_unlock(&hub->lock);
        if (hub->state == TB_HUB_IDLE)
                return;
        if (reason)
                set_state(hub, TB_HUB_FAULT);
        else if (hub->state == TB_HUB_FAULT)
                set_state(hub, TB_HUB_STARTING);
}

typedef struct NoSound {
        TbSoundHub *hub; /* ref */
        char *reason;    /* owned */
} NoSound;

static void no_sound(gpointer data)
{
        NoSound *n = data;
        if (n->hub->state != TB_HUB_IDLE && (!n->hub->fault || n->hub->fault_until_sound))
                tb_sound_hub_set_fault(n->hub, n->reason, true);
        tb_sound_hub_unref(n->hub);
        g_free(n->reason);
        g_free(n);
}

void tb_sound_hub_no_sound(TbSoundHub *hub, const char *reason)
{
        NoSound *n = g_new(NoSound, 1);
        *n = (NoSound){tb_sound_hub_ref(hub), g_strdup(reason)};
        if (tb_main_post(no_sound, n))
                return;
        tb_sound_hub_unref(hub);
        g_free(n->reason);
        g_free(n);
}

const char *tb_sound_hub_fault(TbSoundHub *hub)
{
        return hub->fault;
}

/* --- what is known --- */
TbHubState tb_sound_hub_state(TbSoundHub *hub)
{
        return hub->state;
}

TbSoundFormat tb_sound_hub_format(TbSoundHub *hub)
{
        tb_mutex_lock(&hub->lock);
        TbSoundFormat format = hub->format;
        tb_mutex_unlock(&hub->lock);
        return format;
}

bool tb_sound_hub_level(TbSoundHub *hub, TbSoundLevel *ret_level)
{
        tb_mutex_lock(&hub->lock);
        bool fresh = hub->level_us && g_get_monotonic_time() - hub->level_us < LEVEL_OLD_US;
        if (fresh)
                *ret_level = hub->level;
        tb_mutex_unlock(&hub->lock);
        return fresh;
}

const char *tb_sound_hub_device(TbSoundHub *hub)
{
        return hub->device;
}

const char *tb_sound_hub_interface(TbSoundHub *hub)
{
        return hub->interface;
}

guint tb_sound_hub_listeners(TbSoundHub *hub)
{
        return hub->listeners;
}

void tb_sound_hub_watch(TbSoundHub *hub, void (*level)(void *data, const TbSoundLevel *level), void *data)
{
        hub->watch = level;
        hub->watch_data = data;
}

static json_t *number(bool known, double value)
{
        return known ? json_real(round(value * 10) / 10) : json_null();
}

json_t *tb_sound_hub_to_json(TbSoundHub *hub)
{
        tb_assert_main();
        TbSoundLevel level = {0};
        bool heard = tb_sound_hub_level(hub, &level);
        TbSoundFormat format = tb_sound_hub_format(hub);
        json_t *json = json_pack("{s:s, s:I, s:s?}", "state", tb_hub_state_name(hub->state), "listeners",
                                 (json_int_t)hub->listeners, "fault", hub->fault);
        json_object_set_new(json, "rate", format.rate ? json_integer(format.rate) : json_null());
        json_object_set_new(json, "channels", format.rate ? json_integer(format.channels) : json_null());
        json_object_set_new(json, "level_dbfs", number(heard, level.rms));
        json_object_set_new(json, "peak_dbfs", number(heard, level.peak));
        return json;
}

/* --- taps --- */
TbSoundTap *tb_sound_hub_add_tap(TbSoundHub *hub, bool counted, void (*heard)(void *data, TbSound *sound),
                                 void *data)
{
        tb_assert_main();
        TbSoundTap *tap = g_new(TbSoundTap, 1);
        *tap = (TbSoundTap){tb_sound_hub_ref(hub), counted, heard, data};
        tb_mutex_lock(&hub->lock);
        g_ptr_array_add(hub->taps, tap);
        tb_mutex_unlock(&hub->lock);
        tb_sound_hub_acquire(hub, counted);
        return tap;
}

void tb_sound_hub_remove_tap(TbSoundTap *tap)
{
        if (!tap)
                return;
        tb_assert_main();
        TbSoundHub *hub = tap->hub;
        tb_mutex_lock(&hub->lock);
        g_ptr_array_remove_fast(hub->taps, tap);
        tb_mutex_unlock(&hub->lock);
        tb_sound_hub_release(hub, tap->counted);
        g_free(tap);
        tb_sound_hub_unref(hub);
}
