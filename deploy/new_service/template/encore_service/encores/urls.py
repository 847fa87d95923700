from encore_service.encores import views
from shared.http import openapi, paths

urlpatterns = [
    *openapi.schema_paths("api/encores/schema"),
    *paths.path_either("api/encores", views.Purchases.as_view(), name="purchases"),
    *paths.path_either("api/encores/<str:order_id>", views.Purchase.as_view(), name="purchase"),
]
