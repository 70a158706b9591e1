"""What OME-XML says of an image: dimensions, names, channels, colours, wavelengths, physical sizes."""

from typing import Any

from deployments.sandbox.understudy.seen import ChannelSeen, ImageSeen, Sized


def from_ome_image(image: Any) -> ImageSeen:
    """What OME-XML says of an image."""
    pixels = image.pixels
    channels = [_channel(channel) for channel in pixels.channels for _ in range(channel.samples_per_pixel or 1)]
    missing = pixels.size_c - len(channels)
    return ImageSeen(
        size_x=pixels.size_x,
        size_y=pixels.size_y,
        size_z=pixels.size_z,
        size_c=pixels.size_c,
        size_t=pixels.size_t,
        pixel_type=pixels.type.value,
        dimension_order=pixels.dimension_order.value,
        reader="OMETiff",
        channels=(*channels, *(ChannelSeen(),) * missing),
        name=image.name,
        physical_sizes=tuple(_sized(pixels, f"physical_size_{axis}") for axis in "xyz"),
        description=image.description,
        acquired=int(image.acquisition_date.timestamp() * 1000) if image.acquisition_date else None,
    )


def _sized(holder: Any, name: str) -> Sized | None:
    number = getattr(holder, name)
    return None if number is None else (float(number), getattr(holder, f"{name}_unit").name)


def _channel(channel: Any) -> ChannelSeen:
    colour = channel.color.as_rgb_tuple(alpha=True) if channel.color else None
    return ChannelSeen(
        name=channel.name,
        colour=(*colour[:3], round(colour[3] * 255)) if colour else None,
        emission=_sized(channel, "emission_wavelength"),
        excitation=_sized(channel, "excitation_wavelength"),
    )
