/* Sound: state and level. It is heard by WebRTC: whep.c. */
#include "host/api/private.h"

static void get_state(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb G_GNUC_UNUSED)
{
        g_autoptr(GError) error = NULL;
        TbSoundHub *hub = NULL;
        if (api->media)
                hub = tb_media_find_sound(api->media, tb_device_id(tb_interface_device(iface)),
                                          tb_interface_name(iface), &error);
        else
                tb_set_error(&error, TB_ERROR_UNAVAILABLE, "this host runs without video and sound");
        if (!hub) {
                tb_request_reply_error(request, error);
                return;
        }
        const char *reason = NULL;
        json_t *o = tb_sound_hub_to_json(hub);
        json_object_set_new(o, "interface_state",
                            json_string(tb_state_name(tb_interface_state(iface, &reason))));
        if (reason)
                json_object_set_new(o, "reason", json_string(reason));
        tb_request_reply_json(request, 200, o);
}

static const TbApiRoute routes[] = {
        {.kind = TB_KIND_AUDIO,
         .route = {.method = "GET", .path = "", .query = tb_no_params},
         .call = get_state,
         .op = "get"},
        {.route = {.method = NULL}},
};

void tb_api_add_audio(TbApi *api)
{
        tb_api_add_interface_routes(api, routes);
}
