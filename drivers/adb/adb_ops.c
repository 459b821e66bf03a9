/* adb_ops.c - shell and sensors of a phone */
#include "drivers/adb/adb_lanes.h"

#include <string.h>

#include "drivers/adb/adb_dump.h"
#include "drivers/transport/samples.h"

#define MARK "@@testbed"

static bool shell_run(TbInstance *self, TbIo *io, const TbShellRequest *request, TbShellResult *ret,
                      GError **error)
{
        const TbAdbTarget *target = &((TbAdbLane *)self)->target;
        g_autofree char *quoted = request->argv != NULL ? tb_adb_quote_argv(request->argv) : NULL;

        return tb_adb_run(io, target, quoted != NULL ? quoted : request->command, request->input,
                          request->input_size, &ret->exit_code, ret->out, ret->err, error);
}

const TbShellOps tb_adb_shell_ops = {.run = shell_run};

static bool sample(TbInstance *self, TbIo *io, GError **error)
{
        static const char command[] =
                "dumpsys battery; echo " MARK
                "; cat /sys/class/power_supply/battery/current_now 2>/dev/null; echo " MARK
                "; dumpsys thermalservice 2>/dev/null";
        const TbAdbTarget *target = &((TbAdbLane *)self)->target;
        int code;
        g_autofree char *text = tb_adb_ask(io, target, command, &code, error);
        TbAdbBattery b;

        if (text == NULL)
                return false;
        g_auto(GStrv) parts = g_strsplit(text, MARK "\n", 3);
        if (g_strv_length(parts) != 3) {
                tb_set_error(error, TB_ERROR_DEVICE, "the shell of %s did not run dumpsys: is it an Android?",
                             target->serial);
                return false;
        }
        if (tb_adb_parse_battery(parts[0], parts[1], &b)) {
                tb_samples_tell(self, "battery.level", "ratio", "%", b.level_pct);
                tb_samples_tell(self, "battery.temperature", "temperature", "Cel", b.celsius);
                tb_samples_tell(self, "battery.voltage", "voltage", "V", b.volts);
                tb_samples_tell(self, "battery.current", "current", "A", b.amps);
                tb_samples_tell(self, "battery.power", "power", "W", b.volts * b.amps);
                tb_samples_tell(self, "battery.plugged", "state", "1", b.plugged < 0 ? NAN : b.plugged);
        }
        g_autoptr(GPtrArray) zones = tb_adb_parse_thermal(parts[2]);
        for (guint i = 0; i < zones->len; i++) {
                const TbAdbTemperature *t = g_ptr_array_index(zones, i);
                g_autofree char *stream = g_strdup_printf("thermal.%s", t->name);

                tb_samples_tell(self, stream, "temperature", "Cel", t->celsius);
        }
        return true;
}

const TbSensorOps tb_adb_sensor_ops = {.interval_ms = 10000, .sample = sample};
