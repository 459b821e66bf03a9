#include "drivers/usb/usb_diagnose.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#define HIGH_SPEED 480.0 /* Mbit/s */
#define DEEP 5           /* hubs in a row that the standard allows */
#define HUB_MA 500       /* what a USB 2 hub that has no supply of its own hands on, all ports together */

typedef enum Need { NEED_NONE, NEED_CAMERA, NEED_SOUND, NEED_DISK, NEEDS } Need;

static const struct {
        const char *class, *one, *many;
} needs[NEEDS] = {[NEED_CAMERA] = {"video", "another camera", "cameras"},
                  [NEED_SOUND] = {"audio", "a sound card", "sound cards"},
                  [NEED_DISK] = {"storage", "a disk", "disks"}};

static double speed_of(const json_t *device)
{
        return json_number_value(json_object_get(device, "speed_mbps"));
}

static char *speed_words(double mbps)
{
        return mbps >= 1000 ? g_strdup_printf("%g Gbit/s", mbps / 1000) : g_strdup_printf("%g Mbit/s", mbps);
}

/* What takes most of a line: a camera with a microphone is a camera. */
static Need need_of(const json_t *device)
{
        Need most = NEED_NONE;
        gsize i;
        const json_t *interface;

        json_array_foreach (json_object_get(device, "interfaces"), i, interface) {
                const char *class = json_string_value(json_object_get(interface, "class"));
                for (Need n = NEED_CAMERA; n < NEEDS; n++)
                        if (g_strcmp0(class, needs[n].class) == 0 && (most == NEED_NONE || n < most))
                                most = n;
        }
        return most;
}

static void say(json_t *device, char *text_take)
{
        json_t *list = json_object_get(device, "diagnosis");

        if (!list) {
                list = json_array();
                json_object_set_new(device, "diagnosis", list);
        }
        json_array_append_new(list, json_string(text_take));
        g_free(text_take);
}

/* --- what shares a line --- */
static void count(const json_t *device, guint counts[NEEDS])
{
        gsize i;
        const json_t *port;

        counts[need_of(device)]++;
        json_array_foreach (json_object_get(device, "ports"), i, port)
                count(json_object_get(port, "device"), counts);
}

/* "two cameras and a disk" */
static char *others_words(const guint counts[NEEDS], Need own)
{
        static const char *const numbers[] = {"", "", "two", "three", "four", "five", "six"};
        g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);

        for (Need n = NEED_CAMERA; n < NEEDS; n++) {
                guint others = counts[n] - (n == own);
                if (others == 1)
                        g_ptr_array_add(
                                parts,
                                g_strdup(n == NEED_CAMERA && own != NEED_CAMERA ? "a camera" : needs[n].one));
                else if (others > 1 && others < G_N_ELEMENTS(numbers))
                        g_ptr_array_add(parts, g_strdup_printf("%s %s", numbers[others], needs[n].many));
                else if (others > 1)
                        g_ptr_array_add(parts, g_strdup_printf("%u %s", others, needs[n].many));
        }
        if (parts->len == 0)
                return NULL;
        g_ptr_array_add(parts, NULL);
        return g_strjoinv(" and ", (char **)parts->pdata);
}

/* Of a hub at 480 Mbit/s or less: who wants a share of its line that others want, too. A faster one has room, or a line of its own
 * for each half. */
static void shared(json_t *device, const json_t *line, const guint counts[NEEDS], bool controller)
{
        Need own = need_of(device);
        g_autofree char *others = own == NEED_CAMERA || own == NEED_SOUND ? others_words(counts, own) : NULL;

        if (!others)
                return;
        g_autofree char *speed = speed_words(speed_of(line));
        say(device,
            g_strdup_printf("shares %s %s %s with %s: what a camera or sound card asks for is reserved "
                            "there, and when it does "
                            "not fit the last to start fails (\"no space left on device\"). Plug it into a "
                            "port of another "
                            "controller, or choose a smaller picture or MJPEG.",
                            speed[0] == '8' ? "an" : "a", speed, controller ? "controller" : "hub", others));
}

static void slow(json_t *device)
{
        const char *usb = json_string_value(json_object_get(device, "usb"));
        double speed = speed_of(device);

        if (usb && g_ascii_strtod(usb, NULL) >= 3.0 && speed > 0 && speed <= HIGH_SPEED) {
                g_autofree char *words = speed_words(speed);
                say(device,
                    g_strdup_printf("can do USB 3 and works at %s: its cable, port or hub is USB 2", words));
        }
}

static void hungry(json_t *hub)
{
        json_int_t wanted = 0;
        gsize i;
        const json_t *port;

        if (!json_is_array(json_object_get(hub, "ports")) ||
            json_integer_value(json_object_get(hub, "max_power_ma")) == 0)
                return; /* it has a supply of its own */
        json_array_foreach (json_object_get(hub, "ports"), i, port)
                wanted +=
                        json_integer_value(json_object_get(json_object_get(port, "device"), "max_power_ma"));
        if (wanted > HUB_MA)
                say(hub, g_strdup_printf(
                                 "what hangs on it may take %d mA, and it has no supply of its own: the port "
                                 "above gives %d mA "
                                 "(900 with USB 3). Devices that come and go, or reset, are a sign of that",
                                 (int)wanted, HUB_MA));
}

/* `line`: the slowest hub above (or the controller) whose line is shared; NULL: fast enough. */
static void walk(json_t *device, const json_t *line, const guint *counts, bool controller, guint depth)
{
        guint own[NEEDS] = {0};
        bool hub = json_is_array(json_object_get(device, "ports"));
        gsize i;
        const json_t *port;

        if (!json_is_object(device))
                return;
        if (depth > 0) {
                slow(device);
                if (line)
                        shared(device, line, counts, controller);
                if (hub)
                        hungry(device);
        }
        if (depth > DEEP)
                say(device,
                    g_strdup_printf("hangs behind %u hubs in a row; %d are allowed", depth - 1, DEEP));
        /* Everything behind one hub of 480 Mbit/s shares the line from it upwards; the widest such place is told. */
        if (hub && !line && speed_of(device) > 0 && speed_of(device) <= HIGH_SPEED) {
                count(device, own);
                line = device;
                counts = own;
                controller = depth == 0;
        }
        json_array_foreach (json_object_get(device, "ports"), i, port)
                walk(json_object_get(port, "device"), line, counts, controller, depth + 1);
}

void tb_usb_diagnose(json_t *bus)
{
        walk(bus, NULL, NULL, false, 0);
}
