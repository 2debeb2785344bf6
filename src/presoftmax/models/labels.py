"""Names of well-known sets of classes."""

__all__ = ["imagenet_classes"]


def imagenet_classes() -> tuple[str, ...]:
    """The 1,000 ImageNet-1k class names in torchvision's order, as torchvision writes them."""
    from torchvision.models import ResNet50_Weights

    names: list[str] = ResNet50_Weights.IMAGENET1K_V1.meta["categories"]
    return tuple(names)
